#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "report/axis.h"
#include "report/markup.h"
#include "report/palette.h"
#include "report/resource_figures.h"

namespace masr {
namespace {

struct Item {
  std::string name;
  double bytes = 0;
  Tone tone = Tone::kMuted;
  bool pale = false;
};

// In the order in which a round takes them: what is there anyway, what learns, what a step
// computes.
struct Kind {
  std::string_view name;
  Tone tone;
};
constexpr std::array<Kind, 10> kKinds = {{{"process", Tone::kMuted},
                                          {"threads", Tone::kMuted},
                                          {"weights", Tone::kMuted},
                                          {"trained", Tone::kPurple},
                                          {"gradients", Tone::kPurple},
                                          {"optimizer", Tone::kPurple},
                                          {"averages", Tone::kPurple},
                                          {"arena", Tone::kBlue},
                                          {"inputs", Tone::kBlue},
                                          {"speech", Tone::kBlue}}};
constexpr size_t kMostItems = 14;

std::vector<Item> OrderedItems(const RoundRecord& round) {
  std::vector<Item> items;
  const auto add = [&](const std::string& name, double bytes, Tone tone) {
    if (bytes > 0) items.push_back({name, bytes, tone, items.size() % 2 != 0});
  };
  for (const Kind& kind : kKinds) {
    const auto found = round.memory.find(std::string(kind.name));
    if (found != round.memory.end())
      add(found->first, static_cast<double>(found->second), kind.tone);
  }
  double others = 0;
  for (const auto& [name, bytes] : round.memory) {
    const auto is_it = [&item = name](const Kind& kind) { return kind.name == item; };
    if (std::any_of(kKinds.begin(), kKinds.end(), is_it)) continue;
    if (items.size() + 1 < kMostItems) {
      add(name, static_cast<double>(bytes), Tone::kMuted);
    } else {
      others += std::max(0.0, static_cast<double>(bytes));
    }
  }
  add("others", others, Tone::kMuted);
  return items;
}

std::string FillOf(const Item& item) {
  return std::string(FillClass(item.tone)) + (item.pale ? " pale" : "");
}

}  // namespace

std::optional<Drawing> MemoryPlanFigure(const RoundRecord& round, double width) {
  const std::vector<Item> items = OrderedItems(round);
  if (items.empty()) return std::nullopt;
  constexpr double kNames = 84;
  constexpr double kValues = 62;
  constexpr double kTop = 22;
  constexpr double kRow = 21;
  double total = 0;
  for (const Item& item : items) total += item.bytes;
  const double most = std::max({total, static_cast<double>(round.ram_budget_bytes),
                                static_cast<double>(round.peak_rss_bytes)});
  const double scale = (width - kNames - kValues) / most;

  Drawing drawing{.width = width, .title = "RAM as planned, round " + std::to_string(round.round)};
  AddText(drawing, {0, 12}, "RAM as planned", "t f1", Anchor::kStart);
  const auto add_row = [&](double y, std::string_view name, double bytes, std::string_view css) {
    AddText(drawing, {kNames - 8, y + 14}, FittingText(name, kNames - 10), css, Anchor::kEnd);
    AddText(drawing, {width, y + 14}, Bytes(bytes), css, Anchor::kEnd);
  };
  double x = kNames;
  double y = kTop;
  for (const Item& item : items) {
    const double wide = scale * item.bytes;
    const std::string tip = item.name + ": " + Bytes(item.bytes);
    AddLine(drawing, {kNames, y + kRow}, {width - kValues, y + kRow}, "grid");
    AddBox(drawing, {x, y + 3, std::max(wide, 1.0), kRow - 6}, FillOf(item), tip);
    add_row(y, item.name, item.bytes, "t f0");
    drawing.description += item.name + " " + Bytes(item.bytes) + ", ";
    x += wide;
    y += kRow;
  }
  // The same pieces in one bar: what they come to.
  y += 4;
  x = kNames;
  for (const Item& item : items) {
    const double wide = scale * item.bytes;
    AddBox(drawing, {x, y + 1, std::max(wide - 0.75, 0.5), kRow - 2}, FillOf(item));
    x += wide;
  }
  add_row(y, "plan", total, "t strong f0");
  drawing.description += "in all " + Bytes(total) + ".";
  y += kRow + 4;

  // From the left to the right, each name left of its line: no line crosses a name.
  struct Level {
    const char* name;
    double bytes;
    Tone tone;
    const char* css;
  };
  std::array<Level, 2> levels = {
      {{"measured peak", static_cast<double>(round.peak_rss_bytes), Tone::kInk, " thin dashed"},
       {"budget", static_cast<double>(round.ram_budget_bytes), Tone::kOrange, " thin"}}};
  if (levels[0].bytes > levels[1].bytes) std::swap(levels[0], levels[1]);
  for (const Level& level : levels) {
    if (level.bytes <= 0) continue;
    const double at = kNames + scale * level.bytes;
    y += 18;
    AddLine(drawing, {at, kTop}, {at, y}, std::string(LineClass(level.tone)) + level.css);
    const std::string text = std::string(level.name) + " " + Bytes(level.bytes);
    const double end = std::max(at - 5, TextWidth(text));
    AddText(drawing, {end, y - 2}, text, "t " + std::string(FillClass(level.tone)), Anchor::kEnd);
  }
  drawing.height = y + 6;
  return drawing;
}

}  // namespace masr

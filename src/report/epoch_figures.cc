#include "report/epoch_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/chart.h"
#include "report/markup.h"
#include "report/summary.h"

namespace masr {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

// Where each round lies on an axis of epochs.
struct RoundStretch {
  double from = 0;
  double length = 1;
  double last_epoch = 1;

  double At(double epoch) const { return from + length * std::clamp(epoch / last_epoch, 0.0, 1.0); }
  double end() const { return from + length; }
};

// An epoch has the same width everywhere, but a short round beside very long ones is still seen.
std::vector<RoundStretch> PlaceRounds(std::span<const RoundRecord> rounds) {
  std::vector<RoundStretch> stretches;
  double total = 0;
  for (const RoundRecord& round : rounds) {
    int64_t last = 1;
    for (const RoundEpoch& epoch : round.epochs) last = std::max(last, epoch.epoch);
    stretches.push_back({.last_epoch = static_cast<double>(last)});
    total += static_cast<double>(last);
  }
  const double n = static_cast<double>(rounds.size());
  const double gap = total * std::min(0.05, 0.2 / std::max(1.0, n));
  double at = 0;
  for (RoundStretch& stretch : stretches) {
    stretch.from = at;
    stretch.length = std::max(stretch.last_epoch, total / (4 * n));
    at += stretch.length + gap;
  }
  return stretches;
}

// With so many rounds to a width, what counts is how they follow each other: no room for epochs.
bool Crowded(size_t rounds, double width) {
  constexpr double kLeastWidth = 40;
  return static_cast<double>(rounds) * kLeastWidth > width;
}

// The axis, boundaries, names and shades that both figures share.
Chart RoundsChart(std::span<const RoundRecord> rounds, const std::vector<RoundStretch>& stretches,
                  double width) {
  const bool crowded = Crowded(rounds.size(), width);
  Chart chart{.x_title = crowded ? "round" : "epoch"};
  if (rounds.empty()) return chart;
  const double whole = stretches.back().end();
  chart.x = {-0.012 * whole, 1.012 * whole, {}};
  for (size_t i = 0; i < rounds.size(); ++i) {
    const RoundStretch& place = stretches[i];
    const std::string number = std::to_string(rounds[i].round);
    const std::string name = "Round " + number;
    ChartSpan span{.from = place.from, .to = place.end(), .muted = !rounds[i].accepted};
    if (span.muted) {
      const std::string word = OutcomeWord(rounds[i]);
      span.names.push_back(name + " (");
      span.names.back().append(word).append(")");
      span.names.push_back(number + ", ");
      span.names.back() += word;
    }
    span.names.insert(span.names.end(), {name, number});
    chart.spans.push_back(std::move(span));
    if (!rounds[i].accepted) {
      chart.bands.push_back({.from = place.from, .to = place.end(), .shade = Shade::kRefused});
    }
    if (crowded) continue;
    if (i > 0) chart.dividers.push_back((stretches[i - 1].end() + place.from) / 2);
    const double pixels = place.length / whole * width;
    const int most = std::clamp(static_cast<int>(pixels / 40), 2, 8);
    for (const Tick& tick : NiceTicks(0, place.last_epoch, most)) {
      if (tick.at == std::floor(tick.at)) chart.x.ticks.push_back({place.At(tick.at), tick.text});
    }
  }
  return chart;
}

// One line through all rounds of a sort, with gaps between them. The last round's is the one named.
template <typename Value>
void AddRoundLines(Chart& chart, std::span<const RoundRecord> rounds,
                   const std::vector<RoundStretch>& stretches, const ChartLine& style,
                   const Value& value) {
  ChartLine accepted = style;
  ChartLine refused = style;
  refused.tone = Tone::kMuted;
  refused.dashed = true;
  refused.label_tone = style.tone;
  accepted.label.clear();
  refused.label.clear();
  for (size_t i = 0; i < rounds.size(); ++i) {
    ChartLine& line = rounds[i].accepted ? accepted : refused;
    if (!line.points.empty()) line.points.push_back({stretches[i].from, kGap});
    for (const RoundEpoch& epoch : rounds[i].epochs) {
      line.points.push_back({stretches[i].At(static_cast<double>(epoch.epoch)), value(epoch)});
    }
    std::stable_sort(line.points.begin(), line.points.end(),
                     [](const Point& a, const Point& b) { return a.x < b.x; });
  }
  if (!rounds.empty()) (rounds.back().accepted ? accepted : refused).label = style.label;
  chart.lines.push_back(std::move(refused));
  chart.lines.push_back(std::move(accepted));
}

// `headroom` of the highest point is left above it, for its label.
Axis AxisFor(const Chart& chart, int most, double headroom) {
  double high = 0;
  for (const ChartLine& line : chart.lines) {
    for (const Point& p : line.points) {
      if (std::isfinite(p.y)) high = std::max(high, p.y);
    }
  }
  return NiceAxis(0, high > 0 ? (1 + headroom) * high : 1, most);
}

struct Rate {
  double RoundEpoch::*value;
  Tone tone;
  bool small;
};

void MarkChosen(Chart& chart, const RoundRecord& round, const RoundStretch& place,
                const Rate& rate) {
  const RoundEpoch* chosen = ChosenEpoch(round);
  if (chosen == nullptr) return;
  chart.marks.push_back({.at = {place.At(static_cast<double>(chosen->epoch)), chosen->*rate.value},
                         .tone = round.accepted ? rate.tone : Tone::kMuted,
                         .hollow = !round.accepted,
                         .small = rate.small,
                         .label = Percent(chosen->*rate.value),
                         .tip = "Round " + std::to_string(round.round) + ", epoch " +
                                std::to_string(chosen->epoch) + ": WER " +
                                Percent(chosen->validation_wer) + ", CER " +
                                Percent(chosen->validation_cer)});
}

// Those that find room for their labels first: where it began, then WER before CER, the newest
// round before others. Among very many rounds only the newest accepted one.
void AddMarks(Chart& chart, std::span<const RoundRecord> rounds,
              const std::vector<RoundStretch>& stretches, double width) {
  if (const RoundEpoch* first = rounds.empty() ? nullptr : FirstEpoch(rounds.front())) {
    chart.marks.push_back({.at = {stretches[0].At(0), first->validation_wer},
                           .small = true,
                           .label = Percent(first->validation_wer),
                           .tip = "Before round " + std::to_string(rounds.front().round) +
                                  ": WER " + Percent(first->validation_wer)});
  }
  const bool crowded = Crowded(rounds.size(), width);
  for (const Rate& rate : {Rate{&RoundEpoch::validation_wer, Tone::kBlue, false},
                           Rate{&RoundEpoch::validation_cer, Tone::kGreen, true}}) {
    for (size_t i = rounds.size(); i-- > 0;) {
      if (crowded && !rounds[i].accepted) continue;
      MarkChosen(chart, rounds[i], stretches[i], rate);
      if (crowded) break;
    }
  }
}

}  // namespace

const RoundEpoch* FindEpoch(const RoundRecord& round, int64_t epoch) {
  for (const RoundEpoch& e : round.epochs) {
    if (e.epoch == epoch) return &e;
  }
  return nullptr;
}

const RoundEpoch* FirstEpoch(const RoundRecord& round) { return FindEpoch(round, 0); }

const RoundEpoch* ChosenEpoch(const RoundRecord& round) {
  return round.best_epoch > 0 ? FindEpoch(round, round.best_epoch) : nullptr;
}

Drawing ErrorRateFigure(std::span<const RoundRecord> rounds, double width) {
  const std::vector<RoundStretch> stretches = PlaceRounds(rounds);
  Chart chart = RoundsChart(rounds, stretches, width);
  chart.y_title = "errors, %";
  AddRoundLines(chart, rounds, stretches,
                {.tone = Tone::kGreen, .thin = true, .label = "characters"},
                [](const RoundEpoch& e) { return e.validation_cer; });
  AddRoundLines(chart, rounds, stretches, {.tone = Tone::kBlue, .label = "words"},
                [](const RoundEpoch& e) { return e.validation_wer; });
  chart.y = AxisFor(chart, 6, 0.12);
  AddMarks(chart, rounds, stretches, width);
  Drawing drawing{.width = width, .height = 300, .title = "Errors epoch by epoch"};
  drawing.description = "Word and character error rates of the sentences kept aside, over " +
                        Count(static_cast<int64_t>(rounds.size()), "round", "rounds") + ".";
  DrawChart(chart, {0, 0, width, drawing.height}, drawing);
  return drawing;
}

Drawing LossFigure(std::span<const RoundRecord> rounds, double width) {
  const std::vector<RoundStretch> stretches = PlaceRounds(rounds);
  Chart chart = RoundsChart(rounds, stretches, width);
  chart.y_title = "loss, nats per token";
  // Before its first epoch a round has trained nothing.
  AddRoundLines(chart, rounds, stretches,
                {.tone = Tone::kPurple, .thin = true, .label = "training"},
                [](const RoundEpoch& e) { return e.epoch == 0 ? kGap : e.train_loss; });
  AddRoundLines(chart, rounds, stretches, {.tone = Tone::kBlue, .label = "kept aside"},
                [](const RoundEpoch& e) { return e.validation_loss; });
  chart.y = AxisFor(chart, 5, 0);
  Drawing drawing{.width = width, .height = 240, .title = "Loss epoch by epoch"};
  drawing.description = "Loss of the speech learned from and of the sentences kept aside.";
  DrawChart(chart, {0, 0, width, drawing.height}, drawing);
  return drawing;
}

}  // namespace masr

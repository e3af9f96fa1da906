#include "rounds/round_speech.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/rng.h"
#include "data/manifest.h"
#include "io/file.h"
#include "io/json.h"
#include "io/text_lines.h"
#include "rounds/seal.h"
#include "train/model_speech.h"

namespace masr {
namespace {

using Json = nlohmann::ordered_json;
using Key = std::pair<std::string, int64_t>;  // where the audio is

struct Label {
  bool validation = false;
  int64_t round = 0;
};

struct LabelledLine {
  int64_t number = 0;
  std::string_view text;
  Label label;
};

Result<Label> ReadLabel(std::string_view line, const std::string& place) {
  auto json = ParseJson(line);
  if (!json.has_value()) return Fail(place, std::move(json.error()));
  if (Status sealed = OpenSeal(*json); !sealed.has_value()) {
    return Fail(place, std::move(sealed.error()));
  }
  const auto side = json->is_object() ? json->find("side") : json->end();
  const auto round = json->is_object() ? json->find("round") : json->end();
  const bool has_side =
      side != json->end() && side->is_string() && (*side == "training" || *side == "validation");
  if (!has_side || round == json->end() || !round->is_number_integer()) {
    return Fail(ErrorCode::kCorrupt, place + ": needs a side, training or validation, and a round");
  }
  return Label{*side == "validation", round->get<int64_t>()};
}

Result<std::vector<LabelledLine>> ReadLabels(std::string_view lines, const std::string& where) {
  std::vector<LabelledLine> labelled;
  for (const TextLine& line : SplitLines(lines)) {
    MASR_TRY(const Label label,
             ReadLabel(line.text, where + ": line " + std::to_string(line.number)));
    labelled.push_back({line.number, line.text, label});
  }
  return labelled;
}

Key KeyOf(const Utterance& utterance) {
  return {std::filesystem::absolute(utterance.audio_path).lexically_normal().string(),
          utterance.offset_bytes};
}

Result<std::string> LineOf(const Utterance& utterance, const Label& label) {
  const auto [path, offset] = KeyOf(utterance);
  Json json;
  if (utterance.size_bytes > 0) {
    json = {{"shard", path}, {"offset_bytes", offset}, {"size_bytes", utterance.size_bytes}};
  } else {
    json = {{"audio_filepath", path}};
  }
  json["duration"] = utterance.duration_s;
  json["text"] = utterance.text;
  json["side"] = label.validation ? "validation" : "training";
  json["round"] = label.round;
  MASR_TRY(const std::string line, WriteSealedJson(json));
  return line + "\n";
}

// Chooses among the utterances of one dataset, whose first source is the new data and whose second
// what earlier rounds heard.
class Chooser {
 public:
  Chooser(const SpeechDataset& dataset, std::map<Key, Label> heard, const SpeechChoice& choice)
      : dataset_(dataset),
        heard_(std::move(heard)),
        choice_(choice),
        rng_(MixKeys(choice.seed, static_cast<uint64_t>(choice.round))) {}

  std::map<int64_t, Label> Choose() {
    std::vector<int64_t> fresh;
    std::vector<int64_t> again;
    double seconds = 0;
    for (int64_t i = 0; i < dataset_.size(); ++i) {
      if (dataset_.source(i) != 0) continue;
      if (heard_.contains(KeyOf(dataset_.utterance(i)))) {
        again.push_back(i);
        continue;
      }
      const double duration = dataset_.utterance(i).duration_s;
      if (choice_.minutes > 0 && seconds + duration > choice_.minutes * 60) break;
      seconds += duration;
      fresh.push_back(i);
    }
    if (fresh.empty()) {
      for (int64_t i : again) chosen_[i] = LabelOf(i);
      const auto aside = [this](int64_t i) { return LabelOf(i).validation; };
      if (std::ranges::none_of(again, aside)) AddEarlierValidation();
    } else {
      SplitFresh(fresh);
      AddEarlier();
    }
    return std::move(chosen_);
  }

 private:
  const Label& LabelOf(int64_t i) const { return heard_.at(KeyOf(dataset_.utterance(i))); }

  std::vector<int64_t> Earlier(bool validation) const {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < dataset_.size(); ++i) {
      if (dataset_.source(i) == 1 && LabelOf(i).validation == validation) indices.push_back(i);
    }
    return indices;
  }
  std::set<std::string> TextsOf(const std::vector<int64_t>& indices) const {
    std::set<std::string> texts;
    for (int64_t i : indices) texts.insert(dataset_.utterance(i).text);
    return texts;
  }

  // A sentence that is known from an earlier round goes to the side that it is on there, unless a
  // few texts are said again and again (spoken digits, say).
  void SplitFresh(const std::vector<int64_t>& fresh) {
    ValidationSplit split =
        SplitForValidation(dataset_, fresh, choice_.validation_share,
                           MixKeys(choice_.seed, static_cast<uint64_t>(choice_.round)));
    // A sentence on its own is learned, where earlier ones can judge that.
    if (split.training.empty() && !Earlier(true).empty()) split.training.swap(split.validation);
    const bool sentences = 2 * TextsOf(fresh).size() > fresh.size();
    const std::set<std::string> learned = TextsOf(Earlier(false));
    const std::set<std::string> kept_aside = TextsOf(Earlier(true));
    const auto add = [&](int64_t i, bool validation) {
      const std::string& text = dataset_.utterance(i).text;
      if (sentences && kept_aside.contains(text)) validation = true;
      if (sentences && learned.contains(text)) validation = false;
      chosen_[i] = {validation, choice_.round};
      if (!validation) fresh_seconds_ += dataset_.utterance(i).duration_s;
    };
    for (int64_t i : split.training) add(i, false);
    for (int64_t i : split.validation) add(i, true);
  }

  void AddEarlier() {
    std::vector<int64_t> training = Earlier(false);
    Shuffle(training, rng_);
    const double most_seconds = choice_.replay_share * fresh_seconds_;
    double seconds = 0;
    for (int64_t i : training) {
      seconds += dataset_.utterance(i).duration_s;
      if (seconds > most_seconds) break;
      chosen_[i] = LabelOf(i);
    }
    AddEarlierValidation();
  }

  void AddEarlierValidation() {
    std::vector<int64_t> validation = Earlier(true);
    Shuffle(validation, rng_);
    validation.resize(
        std::min(validation.size(), static_cast<size_t>(choice_.most_earlier_validation)));
    for (int64_t i : validation) chosen_[i] = LabelOf(i);
  }

  const SpeechDataset& dataset_;
  const std::map<Key, Label> heard_;
  const SpeechChoice& choice_;
  Rng rng_;
  double fresh_seconds_ = 0;
  std::map<int64_t, Label> chosen_;  // in the dataset's order
};

}  // namespace

Result<std::string> ChooseRoundSpeech(const Model& model, const std::string& data,
                                      const std::string& heard, const SpeechChoice& choice) {
  std::vector<Manifest> manifests(2);
  MASR_TRY(manifests[0], ReadManifest(data));
  std::map<Key, Label> labels;
  if (FileExists(heard)) {
    MASR_TRY(const std::string lines, ReadTextFile(heard));
    MASR_TRY(const std::vector<LabelledLine> labelled, ReadLabels(lines, heard));
    MASR_TRY(manifests[1], ReadManifest(heard));
    std::map<int64_t, Label> by_line;
    for (const LabelledLine& line : labelled) by_line[line.number] = line.label;
    for (const Utterance& u : manifests[1].utterances) labels[KeyOf(u)] = by_line[u.line];
  }
  const SpeechDataset dataset = SpeechFor(model, std::move(manifests));
  const std::map<int64_t, Label> chosen = Chooser(dataset, std::move(labels), choice).Choose();
  const auto validation =
      std::ranges::count_if(chosen, [](const auto& entry) { return entry.second.validation; });
  if (chosen.size() >= 2 && validation == std::ssize(chosen)) {
    return Fail(ErrorCode::kInvalidArgument,
                data +
                    ": all of it was kept aside by an earlier round, to judge by; a round needs "
                    "speech to learn from too");
  }
  if (validation == 0 || validation == std::ssize(chosen)) {
    return Fail(ErrorCode::kInvalidArgument,
                data + ": only " + std::to_string(chosen.size()) +
                    " usable utterances; a round needs at least two, and learns from dozens");
  }
  std::string lines;
  for (const auto& [i, label] : chosen) {
    MASR_TRY(const std::string line, LineOf(dataset.utterance(i), label));
    lines += line;
  }
  return lines;
}

Result<RoundSpeechData> LoadRoundSpeech(const Model& model, const std::string& path, int64_t round,
                                        int64_t cache_bytes) {
  MASR_TRY(const std::string lines, ReadTextFile(path));
  MASR_TRY(const std::vector<LabelledLine> labelled, ReadLabels(lines, path));
  std::vector<Manifest> manifests(1);
  MASR_TRY(manifests[0], ReadManifest(path));
  RoundSpeechData speech{SpeechFor(model, std::move(manifests), cache_bytes), {}, {}};
  // Each must be what it was when the round began.
  if (speech.dataset.size() != std::ssize(labelled)) {
    std::string why = path + ": of " + std::to_string(labelled.size()) + " utterances only " +
                      std::to_string(speech.dataset.size()) + " can be read now";
    if (!speech.dataset.problems().empty()) {
      const ManifestProblem& first = speech.dataset.problems().front();
      why += " (" + first.where + ": " + first.message + ")";
    }
    return Fail(ErrorCode::kNotFound, why + "; put them back, or begin the round again");
  }
  for (int64_t i = 0; i < speech.dataset.size(); ++i) {
    const Label& label = labelled[static_cast<size_t>(i)].label;
    (label.validation ? speech.split.validation : speech.split.training).push_back(i);
    if (!label.validation && label.round != round) speech.replayed.push_back(i);
  }
  return speech;
}

Result<int64_t> LastRoundOfSpeech(std::string_view lines, const std::string& where) {
  MASR_TRY(const std::vector<LabelledLine> labelled, ReadLabels(lines, where));
  int64_t last = 0;
  for (const LabelledLine& line : labelled) last = std::max(last, line.label.round);
  return last;
}

std::string SpeechOfRound(std::string_view lines, int64_t round) {
  std::string news;
  for (const TextLine& line : SplitLines(lines)) {
    const auto label = ReadLabel(line.text, "");
    if (label.has_value() && label->round == round) news += std::string(line.text) + "\n";
  }
  return news;
}

}  // namespace masr

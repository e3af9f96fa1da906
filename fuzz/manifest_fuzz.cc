// Any bytes as each text form of a manifest: every utterance that comes out is usable as it is, and
// every line that does not come out is a problem with a place and a message. The first byte chooses
// the form.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "data/manifest_forms.h"
#include "text/normalizer.h"

namespace {

// The part before the first "\n\n\n", which is taken off `rest`.
std::string_view TakePart(std::string_view& rest) {
  constexpr std::string_view kBorder = "\n\n\n";
  const size_t end = std::min(rest.find(kBorder), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + kBorder.size(), rest.size()));
  return part;
}

void Check(const masr::Manifest& manifest) {
  for (const masr::Utterance& utterance : manifest.utterances) {
    if (utterance.audio_path.empty() || utterance.where.empty()) std::abort();
    if (utterance.audio_path.find('\0') != std::string::npos) std::abort();
    if (manifest.needs_text && utterance.text.empty()) std::abort();
    if (masr::NormalizeEnglish(utterance.text) != utterance.text) std::abort();
    if (!std::isfinite(utterance.duration_s) || utterance.duration_s < 0) std::abort();
  }
  for (const masr::ManifestProblem& problem : manifest.problems) {
    if (problem.where.empty() || problem.message.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  masr::Manifest manifest;
  manifest.needs_text = data[0] % 2 == 0;
  switch (data[0] / 2 % 3) {
    case 0:
      masr::ParseNemoManifest(text, "fuzz.jsonl", manifest);
      break;
    case 1: {
      const masr::Status status = masr::ParseTsvManifest(text, "fuzz.tsv", manifest);
      if (!status.has_value() && status.error().message.empty()) std::abort();
      break;
    }
    default: {
      const std::string_view wav_scp = TakePart(text);
      const std::string_view transcripts = TakePart(text);
      masr::ParseKaldiManifest({wav_scp, transcripts, text}, "fuzz", manifest);
    }
  }
  Check(manifest);
  return 0;
}

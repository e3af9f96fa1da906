#include "rounds/acceptance.h"

#include <cstdio>

namespace masr {
namespace {

// "21.3"
std::string Tenths(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

std::string FromTo(double from, double to) { return Tenths(from) + " to " + Tenths(to) + " %"; }

}  // namespace

Acceptance Judge(const AcceptanceInput& input) {
  const double before = input.before.characters.rate_percent();
  const double after = input.after.characters.rate_percent();
  const std::string own =
      "on " + std::to_string(input.after.utterances) + " utterances kept aside, CER went from " +
      FromTo(before, after) + " and WER from " +
      FromTo(input.before.words.rate_percent(), input.after.words.rate_percent());
  if (input.after.utterances == 0 || input.after.utterances < input.before.utterances) {
    return {.why = "not accepted: speech kept aside could not be read"};
  }
  const int64_t words = input.after.words.errors() - input.before.words.errors();
  const bool better =
      words <= 0 &&
      (after < before || (after == before && (words < 0 || input.after.loss < input.before.loss)));
  if (!better) return {.why = "not accepted: " + own};
  if (!input.general_base || !input.general_after) return {.accepted = true, .why = own};
  const std::string general = "on other people's speech, CER went from the base's " +
                              FromTo(input.general_base->cer, input.general_after->cer);
  if (input.general_after->cer > input.general_base->cer + input.max_general_cer_rise) {
    return {.forgets = true,
            .why = "not accepted: " + own + ", but " + general + ", more than the " +
                   Tenths(input.max_general_cer_rise) + " points that are allowed"};
  }
  return {.accepted = true, .why = own + "; " + general};
}

}  // namespace masr

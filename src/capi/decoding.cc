// masr_set_decoding: what is known of texts besides their sound.
#include "recognize/decoding.h"

#include "capi/model_handle.h"
#include "capi/structs.h"

namespace masr::capi {
namespace {

constexpr double kLargestWeight = 1000;

Result<DecodingOptions> DecodingOptionsFrom(const masr_decoding_options& given) {
  const double weights[] = {given.hotword_boost, given.language_model_weight, given.word_score,
                            given.unknown_score};
  for (const double weight : weights) {
    if (weight >= -kLargestWeight && weight <= kLargestWeight) continue;
    return Fail(ErrorCode::kInvalidArgument, "boost, weight and scores must be -1000 to 1000");
  }
  if (given.beam < 0 || given.beam > 10000) {
    return Fail(ErrorCode::kInvalidArgument, "beam must be 0 to 10000");
  }
  DecodingOptions options;
  if (given.language_model != nullptr) options.language_model = given.language_model;
  if (given.hotwords != nullptr) options.hotwords = given.hotwords;
  const auto take = [](double from, float& to) {
    if (from != 0) to = static_cast<float>(from);
  };
  take(given.hotword_boost, options.hotword_boost);
  take(given.language_model_weight, options.scorer.language_model_weight);
  take(given.word_score, options.scorer.word_score);
  take(given.unknown_score, options.scorer.unknown_character_score);
  if (given.beam > 0) options.beam.width = given.beam;
  return options;
}

}  // namespace

Result<std::shared_ptr<const Decoding>> DecodingOf(masr_model& model) {
  if (model.decoding == nullptr) {
    MASR_TRY(Decoding greedy, Decoding::Create({}, model.learner->model().vocabulary));
    model.decoding = std::make_shared<const Decoding>(std::move(greedy));
  }
  return model.decoding;
}

}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::Decoding;
using masr::DecodingOptions;
using masr::Status;

masr_status masr_set_decoding(masr_model* model, const masr_decoding_options* options) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const Learner* learner, Ready(*model));
    MASR_TRY(const masr_decoding_options read, ReadOptions(options, "masr_decoding_options"));
    MASR_TRY(const DecodingOptions wanted, DecodingOptionsFrom(read));
    MASR_TRY(Decoding decoding, Decoding::Create(wanted, learner->model().vocabulary));
    model->decoding = std::make_shared<const Decoding>(std::move(decoding));
    return {};
  });
}

// What a learner was asked to learn: from the C interface, and to and from a checkpoint.
#ifndef MOBILEASR_CAPI_LEARNER_OPTIONS_H_
#define MOBILEASR_CAPI_LEARNER_OPTIONS_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "capi/learner.h"
#include "mobileasr/mobileasr.h"

namespace masr::capi {

// The sub-model that the options name; what is zero gets its default.
Result<Candidate> CandidateFrom(const masr_training_options& options);
Result<LearnerOptions> LearnerOptionsFrom(const masr_training_options& options);

Status CheckLearnerOptions(const LearnerOptions& options, const Encoder& encoder);

std::string LearnerOptionsToJson(const LearnerOptions& options);
Result<LearnerOptions> LearnerOptionsFromJson(std::string_view text, const std::string& where);

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_LEARNER_OPTIONS_H_

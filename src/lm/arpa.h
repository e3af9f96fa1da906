// ARPA back-off n-gram files, as SRILM, KenLM and CMU's toolkit write them.
#ifndef MOBILEASR_LM_ARPA_H_
#define MOBILEASR_LM_ARPA_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "lm/ngram_model.h"

namespace masr {

// Untrusted input. Refused, with the line: sections that are missing, out of order or of another
// length than announced, orders above kMaxNgramOrder, probabilities above 1 and what is no number,
// words in an n-gram that are no unigram, an n-gram that comes twice, a model without <s> or </s>.
// <UNK> is read as <unk>; without either, an unknown word has log10 probability -100, as in SRILM.
Result<NgramModel> ParseArpa(std::string_view text, const std::string& name);
Result<NgramModel> ReadArpa(const std::string& path);

// Written atomically; reads back to the same numbers.
Status WriteArpa(const NgramModel& model, const std::string& path);

}  // namespace masr

#endif  // MOBILEASR_LM_ARPA_H_

#include "text/error_rate.h"

#include <algorithm>

#include "text/normalizer.h"

namespace masr {
namespace {

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// Without spaces at the ends and with single ones between, as words are counted.
std::vector<std::string> SplitCharacters(std::string_view text) {
  std::string joined;
  for (const std::string& word : SplitWords(text)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return SplitCodePoints(joined);
}

// The edits from the first token to the last. Where several paths cost the same, the one whose last
// edit is a match or substitution is taken, then a deletion, then an insertion.
std::vector<Edit> Align(const std::vector<std::string>& reference,
                        const std::vector<std::string>& hypothesis) {
  const size_t rows = reference.size() + 1;
  const size_t columns = hypothesis.size() + 1;
  std::vector<Edit> last_edit(rows * columns, Edit::kInsertion);
  std::vector<int64_t> above(columns);
  std::vector<int64_t> costs(columns);
  for (size_t j = 0; j < columns; ++j) costs[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i < rows; ++i) {
    above.swap(costs);
    costs[0] = static_cast<int64_t>(i);
    last_edit[i * columns] = Edit::kDeletion;
    for (size_t j = 1; j < columns; ++j) {
      const bool same = reference[i - 1] == hypothesis[j - 1];
      const int64_t diagonal = above[j - 1] + (same ? 0 : 1);
      const int64_t deletion = above[j] + 1;
      const int64_t insertion = costs[j - 1] + 1;
      costs[j] = std::min({diagonal, deletion, insertion});
      last_edit[i * columns + j] = costs[j] == diagonal
                                       ? (same ? Edit::kMatch : Edit::kSubstitution)
                                   : costs[j] == deletion ? Edit::kDeletion
                                                          : Edit::kInsertion;
    }
  }

  std::vector<Edit> edits;
  size_t i = reference.size();
  size_t j = hypothesis.size();
  while (i > 0 || j > 0) {
    const Edit edit = last_edit[i * columns + j];
    edits.push_back(edit);
    if (edit != Edit::kInsertion) --i;
    if (edit != Edit::kDeletion) --j;
  }
  std::reverse(edits.begin(), edits.end());
  return edits;
}

ErrorCounts CountErrors(const std::vector<std::string>& reference,
                        const std::vector<std::string>& hypothesis) {
  const std::vector<Edit> edits = Align(reference, hypothesis);
  ErrorCounts counts;
  counts.reference_tokens = static_cast<int64_t>(reference.size());
  counts.substitutions = std::count(edits.begin(), edits.end(), Edit::kSubstitution);
  counts.insertions = std::count(edits.begin(), edits.end(), Edit::kInsertion);
  counts.deletions = std::count(edits.begin(), edits.end(), Edit::kDeletion);
  return counts;
}

}  // namespace

double ErrorCounts::rate_percent() const {
  const int64_t tokens = std::max<int64_t>(reference_tokens, 1);
  return 100.0 * static_cast<double>(errors()) / static_cast<double>(tokens);
}

ErrorCounts& ErrorCounts::operator+=(const ErrorCounts& other) {
  reference_tokens += other.reference_tokens;
  substitutions += other.substitutions;
  insertions += other.insertions;
  deletions += other.deletions;
  return *this;
}

std::vector<AlignedToken> AlignWords(std::string_view reference, std::string_view hypothesis) {
  const std::vector<std::string> reference_words = SplitWords(reference);
  const std::vector<std::string> hypothesis_words = SplitWords(hypothesis);
  std::vector<AlignedToken> aligned;
  size_t i = 0;
  size_t j = 0;
  for (Edit edit : Align(reference_words, hypothesis_words)) {
    AlignedToken& token = aligned.emplace_back();
    token.edit = edit;
    if (edit != Edit::kInsertion) token.reference = reference_words[i++];
    if (edit != Edit::kDeletion) token.hypothesis = hypothesis_words[j++];
  }
  return aligned;
}

ErrorCounts CountWordErrors(std::string_view reference, std::string_view hypothesis) {
  return CountErrors(SplitWords(reference), SplitWords(hypothesis));
}

ErrorCounts CountCharacterErrors(std::string_view reference, std::string_view hypothesis) {
  return CountErrors(SplitCharacters(reference), SplitCharacters(hypothesis));
}

}  // namespace masr

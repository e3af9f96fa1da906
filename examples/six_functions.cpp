// The six functions in C++: six_functions MODEL AUDIO TEXT CHECKPOINT
//
// Hears a recording, learns its text for three updates, saves, learns on, goes back to the checkpoint and learns on
// again, to the same numbers.
#include <cstdio>
#include <cstdlib>
#include <mobileasr/mobileasr.hpp>

namespace {

template <class T>
T Check(mobileasr::Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s: %s\n", masr_status_name(result.error().status), result.error().message.c_str());
  std::exit(1);
}

void Hear(const mobileasr::Model& model, mobileasr::Speech& speech) {
  const auto tokens = static_cast<size_t>(Check(model.Describe()).tokens);
  const mobileasr::Inference heard = Check(model.Infer(speech));
  double blank = 0;
  for (size_t at = 0; at < heard.probabilities.size(); at += tokens) blank += heard.probabilities[at];
  std::printf("infer %lld rows, %.17g of them blank: %s\n", static_cast<long long>(heard.rows[0]), blank,
              heard.texts[0].c_str());
}

void Learn(mobileasr::Model& model, mobileasr::Speech& speech) {
  const masr_step step = Check(model.Train(speech));
  std::printf("train %lld: loss %.17g, gradient %.17g\n", static_cast<long long>(step.step), step.loss,
              step.gradient_norm);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s MODEL AUDIO TEXT CHECKPOINT\n", argv[0]);
    return 2;
  }
  auto model = Check(mobileasr::Model::Load(argv[1]));
  mobileasr::Speech speech;
  speech.AddAudio(Check(model.ReadAudio(argv[2])), argv[3]);

  const auto parameters = Check(model.Parameters());
  int64_t training_bytes = 0;
  for (const masr_parameter& parameter : parameters) training_bytes += parameter.training_bytes;
  std::printf("parameters %zu in %d blocks, all of them learn in %lld bytes\n", parameters.size(),
              static_cast<int>(Check(model.Describe()).blocks), static_cast<long long>(training_bytes));
  Hear(model, speech);
  std::printf("loss %.17g\n", Check(model.Loss(speech)));
  for (int update = 0; update < 3; ++update) Learn(model, speech);
  Check(model.Save(argv[4]));
  Learn(model, speech);
  Check(model.Restore(argv[4]));
  Learn(model, speech);
  Hear(model, speech);
  return 0;
}

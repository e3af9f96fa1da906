// What a masr_model is, and what its functions share whether they are called directly or by name.
#ifndef MOBILEASR_CAPI_MODEL_HANDLE_H_
#define MOBILEASR_CAPI_MODEL_HANDLE_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "capi/handle.h"
#include "capi/learner.h"
#include "mobileasr/mobileasr.h"
#include "recognize/decoding.h"

namespace masr::capi {

// An app's function, with copies of what it was registered with.
struct AppFunction {
  std::deque<std::string> texts;  // at fixed places: the values point to them
  std::vector<masr_value> inputs;
  std::vector<masr_value> outputs;
  masr_function row = {};
};

}  // namespace masr::capi

struct masr_model : masr::capi::Handle {
  explicit masr_model(int threads) : pool(threads) {}

  masr::ThreadPool pool;
  std::shared_ptr<masr::capi::Learner> learner;    // null until a model is loaded; streams share it
  std::shared_ptr<const masr::Decoding> decoding;  // null until it is needed or set
  std::deque<masr::capi::AppFunction> functions;
};

namespace masr::capi {

// The loaded recogniser.
Result<Learner*> Ready(masr_model& model);
// The same for what takes long; kCancelled where somebody has asked to stop.
Result<Learner*> ReadyToWork(masr_model& model);

// What is set, or the best path. A recogniser is loaded.
Result<std::shared_ptr<const Decoding>> DecodingOf(masr_model& model);

// The six functions behind the border.
Result<masr_step> Train(masr_model& model, const masr_speech& speech);
// Reads what is wanted and writes what was, as masr_infer() says.
Outcome Infer(masr_model& model, const masr_speech& speech, masr_inference& inference);
Result<std::vector<float>> Losses(masr_model& model, const masr_speech& speech, double& mean);
Status Save(masr_model& model, const char* path);
Status Restore(masr_model& model, const char* path);
Result<masr_parameter> ParameterAt(const Learner& learner, size_t index);

// The library's part of the table: rows of which `call` is NULL.
struct FunctionTable {
  const masr_function* rows;
  size_t count;
};
FunctionTable BuiltInFunctions();
// Runs one of them, with inputs and outputs that have been checked against its row.
Outcome CallBuiltIn(masr_model& model, const std::string& name, const masr_tensor* inputs,
                    size_t input_count, masr_tensor* outputs, size_t output_count);

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_MODEL_HANDLE_H_

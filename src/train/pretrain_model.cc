#include "train/pretrain_model.h"

#include <nlohmann/json.hpp>

#include "model/warm_start.h"

namespace masr {

Result<Model> CreatePretrainModel(const PretrainConfig& config, const PretrainOptions& options,
                                  const std::function<void(const std::string&)>& warning) {
  MASR_TRY(Model model, Model::Create(config.model, options.seed));
  model.metadata = options.metadata;
  const bool first = options.collective == nullptr || options.collective->rank() == 0;
  if (options.init.empty() || !first) return model;

  MASR_TRY(const Model source, LoadModel(options.init));
  auto kept = StartFrom(source, options.init_blocks, model);
  if (!kept.has_value()) return Fail(options.init, std::move(kept.error()));
  if (!kept->empty() && warning) {
    warning(options.init + ": gives nothing to " + std::to_string(kept->size()) + " of " +
            std::to_string(model.encoder.parameters().size()) + " tensors (" + kept->front() +
            (kept->size() > 1 ? ", ..." : "") + "), which begin at random");
  }
  model.metadata["start.fingerprint"] = ModelFingerprint(source);
  if (!options.init_blocks.empty()) {
    model.metadata["start.blocks"] = nlohmann::json(options.init_blocks).dump();
  }
  return model;
}

}  // namespace masr

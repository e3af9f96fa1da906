// Makes a Sequential whose children's parameters have names.
#ifndef MOBILEASR_LAYERS_SEQUENCE_BUILDER_H_
#define MOBILEASR_LAYERS_SEQUENCE_BUILDER_H_

#include <string>
#include <vector>

#include "layers/containers.h"

namespace masr {

// Builds children in order under names, so that parameters read "blocks.0.ff1.linear1.weight".
class SequenceBuilder {
 public:
  explicit SequenceBuilder(ParameterTable& table) : table_(table) {}

  template <class Make>
  SequenceBuilder& Add(const std::string& name, const Make& make) {
    const ParameterScope scope(table_, name);
    layers_.push_back(make(table_));
    return *this;
  }
  LayerPtr Build() { return std::make_unique<Sequential>(std::move(layers_)); }

 private:
  ParameterTable& table_;
  std::vector<LayerPtr> layers_;
};

}  // namespace masr

#endif  // MOBILEASR_LAYERS_SEQUENCE_BUILDER_H_

// What each layer computes, told to someone who writes the same network down elsewhere: without
// plans, buffers or a backward.
#ifndef MOBILEASR_LAYERS_LAYER_VISITOR_H_
#define MOBILEASR_LAYERS_LAYER_VISITOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/activation.h"
#include "kernels/conv1d.h"
#include "kernels/conv2d.h"
#include "kernels/recurrent.h"
#include "layers/parameter.h"

namespace masr {

class Layer;

// y = f(x) W^T + b; W [out, in].
struct LinearMath {
  ParameterId weight = kNoParameter;
  ParameterId bias = kNoParameter;  // or none
  std::optional<Activation> input_activation;
};

// kernels/conv1d.h; W [out, taps * in / groups], channels last.
struct Conv1dMath {
  int64_t in_dim = 0;
  int64_t out_dim = 0;
  Conv1dShape shape;
  int64_t groups = 1;  // in_dim: depthwise
  bool drop_last_frame = false;
  ParameterId weight = kNoParameter;
  ParameterId bias = kNoParameter;  // or none
};

// kernels/conv2d.h, whose order of W it is.
struct Conv2dMath {
  Conv2dShape shape;
  bool depthwise = false;
  ParameterId weight = kNoParameter;
  ParameterId bias = kNoParameter;  // or none
};

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the mean and the variance
enum class NormOver : uint8_t {
  kRow,       // of each row
  kSequence,  // of each channel over the frames of its utterance
  kNothing,   // that are parameters (batch norm)
};
struct NormMath {
  NormOver over = NormOver::kRow;
  float epsilon = 0;
  ParameterId gamma = kNoParameter;
  ParameterId beta = kNoParameter;
  ParameterId mean = kNoParameter;      // kNothing
  ParameterId variance = kNoParameter;  // kNothing
};

// layers/squeeze_excite.h; W1 [inner, dim] and W2 [dim, inner].
struct SqueezeExciteMath {
  ParameterId squeeze = kNoParameter;
  ParameterId excite = kNoParameter;
};

// kernels/recurrent.h; the second direction, if any, is the reverse one, and its output stands
// after the first's.
struct RecurrentMath {
  struct Direction {
    ParameterId w_ih = kNoParameter;
    ParameterId w_hh = kNoParameter;
    ParameterId b_ih = kNoParameter;
    ParameterId b_hh = kNoParameter;
  };
  Cell cell = Cell::kLstm;
  int64_t in_dim = 0;
  int64_t hidden = 0;
  std::vector<Direction> directions;
};

// kernels/attention.h between two products; `position`, `u` and `v` only where positions are
// relative.
struct AttentionMath {
  int64_t dim = 0;
  int64_t heads = 1;
  ParameterId qkv = kNoParameter;       // [3 * dim, dim]: the rows of queries, keys, values
  ParameterId qkv_bias = kNoParameter;  // or none
  ParameterId position = kNoParameter;
  ParameterId u = kNoParameter;
  ParameterId v = kNoParameter;
  ParameterId out = kNoParameter;
  ParameterId out_bias = kNoParameter;  // or none
};

// Layers are told of in the order in which they run, each taking what the one before gave. Those
// that only learning needs (dropout) are left out.
class LayerVisitor {
 public:
  virtual ~LayerVisitor() = default;

  virtual void Visit(const LinearMath& math) = 0;
  virtual void Visit(const Conv1dMath& math) = 0;
  virtual void Visit(const Conv2dMath& math) = 0;
  virtual void Visit(const NormMath& math) = 0;
  virtual void Visit(const SqueezeExciteMath& math) = 0;
  virtual void Visit(const RecurrentMath& math) = 0;
  virtual void Visit(const AttentionMath& math) = 0;
  virtual void Visit(Activation activation) = 0;
  // The first half of the channels times the sigmoid of the second.
  virtual void VisitGlu() = 0;
  // y = shortcut(x) + scale * branch(x); no shortcut is the identity.
  virtual void VisitResidual(float scale, const Layer* shortcut, const Layer& branch) = 0;
};

}  // namespace masr

#endif  // MOBILEASR_LAYERS_LAYER_VISITOR_H_

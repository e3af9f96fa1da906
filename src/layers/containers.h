// Layers made of layers. They own the buffers between their children, and decide how long each
// lives.
#ifndef MOBILEASR_LAYERS_CONTAINERS_H_
#define MOBILEASR_LAYERS_CONTAINERS_H_

#include <vector>

#include "layers/layer.h"

namespace masr {

// One after the other; at least one. A child below which nothing trains gets no backward, and what
// it computes is kept only until the next child has read it.
LayerPtr MakeSequential(std::vector<LayerPtr> children);

// y = x + scale * f(x); f keeps the shape.
LayerPtr MakeResidual(float scale, LayerPtr f);

// y = g(x) + f(x); both give the same shape.
LayerPtr MakeShortcut(LayerPtr g, LayerPtr f);

}  // namespace masr

#endif  // MOBILEASR_LAYERS_CONTAINERS_H_

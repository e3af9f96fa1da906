// Runs any layer alone, the way a model would, and makes mistakes with memory visible:
// * the arena starts as NaN, and before the backward pass all of it that no live buffer claims
// becomes
//   NaN again, so that reading what was never written, or outlived, poisons the result;
// * backward gets x and y only if the plan asked for them, else NaN.
#ifndef MOBILEASR_LAYERS_TESTING_LAYER_HARNESS_H_
#define MOBILEASR_LAYERS_TESTING_LAYER_HARNESS_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "layers/containers.h"
#include "layers/registry.h"
#include "layers/testing/layer_cases.h"
#include "tensor/arena.h"
#include "tensor/memory_planner.h"

namespace masr::testing {

using Floats = std::vector<float>;

inline Floats RandomFloats(int64_t count, uint64_t seed) {
  Rng rng(seed);
  Floats values(static_cast<size_t>(count));
  for (float& v : values) v = static_cast<float>(rng.Normal());
  return values;
}

// A layer, its parameters, and random values for them: none is zero or one, and variances are
// positive.
struct TestNet {
  ParameterTable table;
  LayerPtr layer;
  int64_t in_dim = 0;
  std::vector<std::pair<ParameterId, ParameterId>> parts;  // parameters of each layer of the list
  std::vector<Floats> values;                              // by parameter

  std::vector<uint8_t> TrainableFrom(size_t part) const {
    std::vector<uint8_t> trainable(static_cast<size_t>(table.size()), 0);
    for (size_t p = part; p < parts.size(); ++p) {
      for (ParameterId id = parts[p].first; id < parts[p].second; ++id) {
        trainable[static_cast<size_t>(id)] = table[id].trainable ? 1 : 0;
      }
    }
    return trainable;
  }
};

// `descriptions`: one layer, or a list of layers to be run one after the other.
inline Result<TestNet> MakeNet(const nlohmann::json& descriptions, int64_t in_dim,
                               int64_t adapter_rank = 0, uint64_t seed = 1) {
  TestNet net;
  net.table.set_adapter_rank(adapter_rank);
  net.in_dim = in_dim;
  const auto list = descriptions.is_array() ? descriptions : nlohmann::json::array({descriptions});
  std::vector<LayerPtr> layers;
  int64_t dim = in_dim;
  for (const auto& description : list) {
    const ParameterId first = net.table.size();
    const ParameterScope scope(net.table, std::to_string(layers.size()));
    MASR_TRY(LayerPtr layer, MakeLayer(description, "layer", dim, net.table));
    dim = layer->out_dim();
    layers.push_back(std::move(layer));
    net.parts.emplace_back(first, net.table.size());
  }
  net.layer = layers.size() == 1 ? std::move(layers.front())
                                 : std::make_unique<Sequential>(std::move(layers));
  for (ParameterId id = 0; id < net.table.size(); ++id) {
    const ParameterSpec& spec = net.table[id];
    Rng rng(MixKeys(seed, static_cast<uint64_t>(id)));
    Floats values(static_cast<size_t>(spec.elements()));
    const double spread = spec.matrix ? 1.0 / std::sqrt(static_cast<double>(spec.cols())) : 0.3;
    for (float& v : values) {
      v = static_cast<float>(spec.init == Init::kOnes ? rng.Uniform(0.6, 1.4)
                                                      : spread * rng.Normal());
    }
    net.values.push_back(std::move(values));
  }
  return net;
}

inline Result<TestNet> MakeNet(const LayerCase& layer) {
  return MakeNet(nlohmann::json::parse(layer.json), layer.in_dim, layer.adapter_rank);
}

struct PassOptions {
  std::vector<uint8_t> trainable = {};  // empty: nothing trains, no backward unless input_gradient
  bool backward = false;
  bool input_gradient = false;
  bool stochastic = false;
  bool private_buffers = false;  // no two buffers share bytes
  int threads = 1;
};

struct PassResult {
  SequenceShape out;
  Floats y;
  Floats dx;                      // empty without input_gradient
  std::vector<Floats> gradients;  // by parameter; empty where frozen
  int64_t peak_bytes = 0;
};

// One pass after another over the same utterances. Net and options must outlive it.
class LayerRunner {
 public:
  static Result<LayerRunner> Create(const TestNet& net, const std::vector<int64_t>& lengths,
                                    const PassOptions& options) {
    LayerRunner runner(net, options);
    SequenceShape in{{0}, net.in_dim};
    for (int64_t length : lengths) in.offsets.push_back(in.offsets.back() + length);
    const Mode mode = {.backward = options.backward, .input_gradient = options.input_gradient};
    MASR_TRY(runner.plan_, net.layer->Plan(in, mode, runner.planner_));
    runner.boundary_ = runner.planner_.NextTick();
    runner.memory_ = PlanMemory(runner.planner_.requests());
    if (options.private_buffers) {
      int64_t end = 0;
      for (size_t b = 0; b < runner.memory_.offsets.size(); ++b) {
        runner.memory_.offsets[b] = end;
        end += (runner.planner_.requests()[b].bytes + 63) / 64 * 64;
      }
      runner.memory_.peak_bytes = end;
    }
    MASR_TRY(runner.arena_, Arena::Create(static_cast<size_t>(runner.memory_.peak_bytes)));
    return runner;
  }

  const LayerPlan& plan() const { return plan_; }

  Floats Forward(const Floats& x) const {
    Poison(0, arena_.bytes());
    const ThreadPool pool(options_.threads);
    const std::vector<WeightView> views = Views();
    std::vector<float*> none;
    const LayerRun run = Run(pool, views, none);
    for (const auto& table : planner_.positions()) {
      RelativePositions(table.max_frames, table.dim, run.Buffer(table.buffer));
    }
    Floats y(static_cast<size_t>(plan_.out.floats()), kNaN);
    net_.layer->Forward(run, plan_, x.data(), y.data());
    return y;
  }

  PassResult Pass(const Floats& x, const Floats& dy) const {
    PassResult result;
    result.out = plan_.out;
    result.peak_bytes = memory_.peak_bytes;
    result.y = Forward(x);
    if (!options_.backward) return result;
    PoisonDead();
    const ThreadPool pool(options_.threads);
    std::vector<float*> pointers(net_.values.size(), nullptr);
    result.gradients.resize(net_.values.size());
    for (size_t id = 0; id < net_.values.size(); ++id) {
      if (options_.trainable.empty() || options_.trainable[id] == 0) continue;
      result.gradients[id].assign(net_.values[id].size(), 0.0f);
      pointers[id] = result.gradients[id].data();
    }
    if (options_.input_gradient) result.dx.assign(x.size(), kNaN);
    const Floats no_x(x.size(), kNaN);
    const Floats no_y(result.y.size(), kNaN);
    const std::vector<WeightView> views = Views();
    net_.layer->Backward(Run(pool, views, pointers), plan_,
                         plan_.backward_needs_input ? x.data() : no_x.data(),
                         plan_.backward_needs_output ? result.y.data() : no_y.data(), dy.data(),
                         options_.input_gradient ? result.dx.data() : nullptr);
    return result;
  }

 private:
  static constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

  LayerRunner(const TestNet& net, const PassOptions& options)
      : net_(net), options_(options), planner_(options.trainable, options.stochastic) {}

  std::vector<WeightView> Views() const {
    std::vector<WeightView> views;
    for (size_t id = 0; id < net_.values.size(); ++id) {
      const ParameterSpec& spec = net_.table[static_cast<ParameterId>(id)];
      views.push_back(F32Weight(net_.values[id].data(), spec.rows(), spec.cols()));
    }
    return views;
  }

  LayerRun Run(const ThreadPool& pool, const std::vector<WeightView>& views,
               const std::vector<float*>& gradients) const {
    return {.kernels = {pool},
            .parameters = {views},
            .gradients = {gradients},
            .memory = memory_,
            .arena = arena_.data(),
            .step_key = 77};
  }

  void Poison(size_t begin, size_t end) const {
    auto* floats = reinterpret_cast<float*>(arena_.data());
    std::fill(floats + begin / sizeof(float), floats + end / sizeof(float), kNaN);
  }

  // All but what was written before the boundary between forward and backward and is read after it.
  void PoisonDead() const {
    std::vector<uint8_t> alive(arena_.bytes(), 0);
    for (size_t b = 0; b < planner_.requests().size(); ++b) {
      const BufferRequest& request = planner_.requests()[b];
      if (request.first_use > boundary_ || request.last_use < boundary_) continue;
      std::fill_n(alive.begin() + memory_.offsets[b], request.bytes, uint8_t{1});
    }
    for (size_t at = 0; at < alive.size(); at += sizeof(float)) {
      if (alive[at] == 0) Poison(at, at + sizeof(float));
    }
  }

  const TestNet& net_;
  const PassOptions& options_;
  LayerPlanner planner_;
  LayerPlan plan_;
  MemoryPlan memory_;
  Arena arena_;
  int64_t boundary_ = 0;
};

// Plan and one pass, with x and dy drawn from `seed`.
inline Result<PassResult> RunOnce(const TestNet& net, const std::vector<int64_t>& lengths,
                                  const PassOptions& options, uint64_t seed = 5) {
  MASR_TRY(const LayerRunner runner, LayerRunner::Create(net, lengths, options));
  return runner.Pass(RandomFloats(runner.plan().in.floats(), seed),
                     RandomFloats(runner.plan().out.floats(), seed + 1));
}

}  // namespace masr::testing

#endif  // MOBILEASR_LAYERS_TESTING_LAYER_HARNESS_H_

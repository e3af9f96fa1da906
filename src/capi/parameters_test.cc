// The table that a choice of the sub-model goes by, and weights as arrays.
#include <algorithm>
#include <limits>
#include <set>

#include "capi/testing/capi_fixture.h"

namespace masr {
namespace {

using testing::MakeToyConformer;
using testing::ModelHandle;

class CapiParameters : public testing::CapiFixture {
 protected:
  static std::vector<masr_parameter> Table(const ModelHandle& model) {
    std::vector<masr_parameter> table(Describe(model).parameters);
    for (size_t i = 0; i < table.size(); ++i) {
      table[i].struct_size = sizeof(masr_parameter);
      EXPECT_EQ(masr_parameter_at(model.get(), i, &table[i]), MASR_OK);
    }
    return table;
  }
  // Of the weights that learn, with values of their own.
  struct Arrays {
    std::vector<std::vector<float>> values;
    std::vector<masr_tensor> tensors;
  };
  static Arrays Get(const ModelHandle& model) {
    Arrays arrays = {Weights(model), {}};
    size_t count = arrays.values.size();
    arrays.tensors.resize(count);
    EXPECT_EQ(masr_get_weights(model.get(), arrays.tensors.data(), &count), MASR_OK);
    for (size_t i = 0; i < count; ++i) arrays.tensors[i].data = arrays.values[i].data();
    return arrays;
  }
};

TEST_F(CapiParameters, SayWhatLearnsAndWhatThatCosts) {
  const ModelHandle model = Loaded();
  std::vector<masr_parameter> table = Table(model);
  int64_t numbers = 0;
  std::set<std::string> names;
  for (const masr_parameter& p : table) {
    EXPECT_TRUE(names.insert(p.name).second);
    EXPECT_EQ(p.trainable, 0);
    int64_t elements = 1;
    for (int64_t d : p.shape) elements *= d;
    const bool is_int8 = p.dtype == MASR_I8;
    EXPECT_EQ(p.bytes, is_int8 ? elements + 4 * p.shape[0] : 4 * elements) << p.name;
    EXPECT_EQ(p.training_bytes, 16 * elements);
    EXPECT_EQ(p.update_seconds, 0);
    numbers += elements;
  }
  EXPECT_EQ(numbers, MakeToyConformer().encoder.parameter_count());
  EXPECT_STREQ(table.front().block_name, "blocks.0");
  EXPECT_STREQ(table.back().block_name, "head");
  EXPECT_EQ(table.back().block, 3);
  masr_parameter beyond = {.struct_size = sizeof(beyond)};
  ExpectError(model, masr_parameter_at(model.get(), table.size(), &beyond), MASR_NOT_FOUND,
              "no parameter");

  Configure(model, {.freeze_blocks = 2, .optimizer_bits = 8});
  table = Table(model);
  for (const masr_parameter& p : table) {
    EXPECT_EQ(p.trainable, p.block >= 2 ? 1 : 0) << p.name;
    EXPECT_TRUE(p.trainable == 0 || p.dtype == MASR_F32) << p.name;
    EXPECT_LT(p.training_bytes, 16 * std::max<int64_t>(p.bytes, 600));
  }
  ASSERT_EQ(masr_measure(model.get()), MASR_OK) << masr_model_error(model.get());
  for (const masr_parameter& p : Table(model)) {
    EXPECT_GT(p.update_seconds, 0);
    EXPECT_GE(p.block_forward_seconds + p.block_backward_seconds, 0);
  }
}

TEST_F(CapiParameters, WeightsGoOutAndComeBack) {
  const ModelHandle model = Loaded();
  Train(model, 2);
  const Arrays arrays = Get(model);
  EXPECT_EQ(arrays.tensors.size(), Describe(model).weights);
  for (const masr_tensor& t : arrays.tensors) {
    EXPECT_EQ(t.dtype, MASR_F32);
    size_t elements = 1;
    for (int64_t d : t.shape) elements *= static_cast<size_t>(d);
    EXPECT_EQ(t.bytes, elements * sizeof(float));
  }
  const ModelHandle other = Loaded();
  EXPECT_NE(Weights(other), arrays.values);
  std::vector<masr_tensor> reversed(arrays.tensors.rbegin(), arrays.tensors.rend());
  ASSERT_EQ(masr_set_weights(other.get(), reversed.data(), reversed.size()), MASR_OK)
      << masr_model_error(other.get());
  EXPECT_EQ(Weights(other), arrays.values);
}

TEST_F(CapiParameters, TwoOwnersCanBeAveraged) {
  const ModelHandle one = Loaded();
  const ModelHandle two = Loaded();
  Train(one, 2, 10);
  Train(two, 2, 20);
  Arrays mean = Get(one);
  const Arrays other = Get(two);
  for (size_t i = 0; i < mean.values.size(); ++i) {
    for (size_t k = 0; k < mean.values[i].size(); ++k) {
      mean.values[i][k] = 0.5f * (mean.values[i][k] + other.values[i][k]);
    }
  }
  for (const ModelHandle* model : {&one, &two}) {
    ASSERT_EQ(masr_set_weights(model->get(), mean.tensors.data(), mean.tensors.size()), MASR_OK);
    ASSERT_EQ(masr_reset_optimizer(model->get()), MASR_OK);
  }
  EXPECT_EQ(Train(one, 2, 30), Train(two, 2, 30));
  EXPECT_EQ(Weights(one), Weights(two));
}

TEST_F(CapiParameters, WeightsThatDoNotFitAreRefusedByNameAndShape) {
  const ModelHandle model = Loaded();
  Train(model, 1);
  const auto before = Weights(model);
  Arrays arrays = Get(model);
  for (auto& values : arrays.values) {
    for (float& v : values) v += 1;
  }
  const std::vector<masr_tensor> good = arrays.tensors;
  const auto refused = [&](const std::string& message) {
    ExpectError(model, masr_set_weights(model.get(), arrays.tensors.data(), arrays.tensors.size()),
                MASR_INVALID_ARGUMENT, message);
    EXPECT_EQ(Weights(model), before) << message;
    arrays.tensors = good;
  };
  const size_t last = good.size() - 1;
  const auto head = std::ranges::find_if(
      good, [](const masr_tensor& t) { return std::string(t.name) == "head.weight"; });
  ASSERT_NE(head, good.end());
  const auto at = static_cast<size_t>(head - good.begin());
  arrays.tensors[at].shape[0] = 5;
  refused("'head.weight' is [4, 16] here and [5, 16] in what was given");
  arrays.tensors[at].rank = 1;
  refused("'head.weight' is [4, 16] here and [4] in what was given");
  arrays.tensors[at].rank = 9;
  refused("'head.weight' has a rank of 9");
  arrays.tensors[at].name = "tail.weight";
  refused("'head.weight' [4, 16] is missing; 'tail.weight' [4, 16] was given");
  arrays.tensors[last].name = arrays.tensors[0].name;
  refused("was given twice");
  arrays.tensors.pop_back();
  refused("is missing");
  arrays.tensors[at].dtype = MASR_F64;
  refused("'head.weight' must be MASR_F32");
  arrays.tensors[at].bytes -= 4;
  refused("'head.weight' [4, 16] has 252 bytes");
  arrays.tensors[at].data = nullptr;
  refused("'head.weight' [4, 16] has 0 bytes");
  arrays.tensors[at].name = nullptr;
  refused("has no name");
  arrays.values[at][2] = std::numeric_limits<float>::infinity();
  refused("'head.weight' [4, 16]: value 2 is not a finite number");
  arrays.values[at][2] = 0;
  // Of another sub-model.
  const ModelHandle top = Loaded();
  Configure(top, {.freeze_blocks = 3});
  ExpectError(top, masr_set_weights(top.get(), good.data(), good.size()), MASR_INVALID_ARGUMENT,
              "does not learn here");
  EXPECT_EQ(masr_set_weights(model.get(), good.data(), good.size()), MASR_OK);
  EXPECT_NE(Weights(model), before);
}

TEST_F(CapiParameters, SmallBuffersAreToldTheirSize) {
  const ModelHandle model = Loaded();
  size_t count = 0;
  ASSERT_EQ(masr_get_weights(model.get(), nullptr, &count), MASR_OK);
  const size_t all = count;
  std::vector<masr_tensor> tensors(all);
  count = 1;
  EXPECT_EQ(masr_get_weights(model.get(), tensors.data(), &count), MASR_BUFFER_TOO_SMALL);
  EXPECT_EQ(count, all);
  float one = -1;
  tensors[0].data = &one;
  tensors[0].bytes = sizeof(one);
  EXPECT_EQ(masr_get_weights(model.get(), tensors.data(), &count), MASR_BUFFER_TOO_SMALL);
  EXPECT_GT(tensors[0].bytes, sizeof(one));
  EXPECT_EQ(one, -1);
}

}  // namespace
}  // namespace masr

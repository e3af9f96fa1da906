#include "model/weights.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using testing::TemporaryFolder;

ParameterTable OneOfEach() {
  ParameterTable table;
  table.Add({.name = "zeros", .shape = {4}});
  table.Add({.name = "ones", .shape = {4}, .init = Init::kOnes});
  table.Add({.name = "linear", .shape = {40, 27}, .init = Init::kUniformFanIn, .fan_in = 27});
  table.Add({.name = "relu", .shape = {40, 27}, .init = Init::kReluFanIn, .fan_in = 27});
  table.Add({.name = "recurrent", .shape = {40, 25}, .init = Init::kRecurrent, .fan_in = 25});
  table.Add({.name = "branch", .shape = {40, 27}, .init = Init::kBranchOut, .fan_in = 27});
  return table;
}

TEST(Weights, InitialValuesFillTheirRange) {
  const ParameterTable table = OneOfEach();
  const Weights weights = Weights::Initialize(table, 1);
  EXPECT_EQ(weights.ToFloat(0), std::vector<float>(4, 0.0f));
  EXPECT_EQ(weights.ToFloat(1), std::vector<float>(4, 1.0f));
  const double bounds[] = {std::sqrt(3.0 / 27), std::sqrt(6.0 / 27), 1.0 / 5, std::sqrt(0.03 / 27)};
  for (ParameterId id = 2; id < table.size(); ++id) {
    double largest = 0;
    double sum = 0;
    for (float v : weights.ToFloat(id)) {
      largest = std::max(largest, std::abs(static_cast<double>(v)));
      sum += v;
    }
    EXPECT_LE(largest, bounds[id - 2] * (1 + 1e-6)) << table[id].name;
    EXPECT_GE(largest, bounds[id - 2] * 0.95) << table[id].name;
    EXPECT_NEAR(sum / static_cast<double>(table[id].elements()), 0, bounds[id - 2] * 0.1);
  }
}

TEST(Weights, TheSeedDecides) {
  const ParameterTable table = OneOfEach();
  EXPECT_EQ(Weights::Initialize(table, 7).ToFloat(2), Weights::Initialize(table, 7).ToFloat(2));
  EXPECT_NE(Weights::Initialize(table, 7).ToFloat(2), Weights::Initialize(table, 8).ToFloat(2));
  EXPECT_NE(Weights::Initialize(table, 7).ToFloat(2), Weights::Initialize(table, 7).ToFloat(3));
}

TEST(Weights, ACloneIsItsOwn) {
  const ParameterTable table = OneOfEach();
  Weights weights = Weights::Initialize(table, 1);
  Weights clone = weights.Clone();
  const std::vector<float> before = weights.ToFloat(2);
  clone.Writable(2)[0] += 1;
  EXPECT_EQ(weights.ToFloat(2), before);
  EXPECT_NE(clone.ToFloat(2), before);
  EXPECT_EQ(clone.views().Vector(2), clone.Values(2).data());
  // Views survive a move.
  const Weights moved = std::move(clone);
  EXPECT_EQ(moved.views().Vector(2), moved.Values(2).data());
}

// A file with one matrix and one vector of `dtype`.
Result<Weights> FromStored(DType dtype, const std::vector<uint8_t>& matrix,
                           const std::vector<uint8_t>& vector, ParameterTable& table) {
  const TemporaryFolder folder;
  table.Add({.name = "w", .shape = {2, 4}, .matrix = true});
  table.Add({.name = "b", .shape = {8}});
  MASR_RETURN_IF_ERROR(WriteSafetensors(
      folder / "w.safetensors", {{"w", dtype, {2, 4}, matrix}, {"b", dtype, {8}, vector}}, {}));
  MASR_TRY(SafetensorsFile file, SafetensorsFile::Open(folder / "w.safetensors"));
  return Weights::FromFile(table, std::make_shared<const SafetensorsFile>(std::move(file)));
}

std::vector<uint8_t> LittleEndian(const std::vector<uint16_t>& values) {
  std::vector<uint8_t> bytes;
  for (uint16_t v : values) {
    bytes.push_back(static_cast<uint8_t>(v & 0xff));
    bytes.push_back(static_cast<uint8_t>(v >> 8));
  }
  return bytes;
}

TEST(Weights, HalfPrecisionIsConverted) {
  // 1, -2, the largest, the smallest normal, the smallest subnormal, -0, infinity, 1/3 rounded.
  const auto bits = LittleEndian({0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x7c00, 0x3555});
  const std::vector<float> expected = {1.0f,     -2.0f, 65504.0f, 0x1p-14f,
                                       0x1p-24f, -0.0f, INFINITY, 0.333251953125f};
  ParameterTable table;
  const auto weights = FromStored(DType::kF16, bits, bits, table);
  ASSERT_TRUE(weights.has_value()) << weights.error().message;
  EXPECT_EQ(weights->ToFloat(0), expected);
  EXPECT_EQ(weights->ToFloat(1), expected);
  EXPECT_TRUE(std::signbit(weights->ToFloat(1)[5]));
  const auto nan = LittleEndian({0x7e00, 0xfc01, 0, 0, 0, 0, 0, 0});
  ParameterTable again;
  const auto nans = FromStored(DType::kF16, nan, nan, again);
  ASSERT_TRUE(nans.has_value());
  EXPECT_TRUE(std::isnan(nans->ToFloat(0)[0]));
  EXPECT_TRUE(std::isnan(nans->ToFloat(0)[1]));
}

TEST(Weights, Bf16MatricesStayAsTheyAreAndVectorsAreConverted) {
  const auto bits = LittleEndian({0x3f80, 0xc000, 0x4049, 0x0000, 0x8000, 0x3e80, 0x7f80, 0x0001});
  const std::vector<float> expected = {1.0f, -2.0f, 3.140625f, 0.0f,
                                       0.0f, 0.25f, INFINITY,  0x1p-133f};
  ParameterTable table;
  const auto weights = FromStored(DType::kBf16, bits, bits, table);
  ASSERT_TRUE(weights.has_value()) << weights.error().message;
  EXPECT_EQ(weights->views().Matrix(0).type, WeightType::kBf16);
  EXPECT_EQ(weights->views().Matrix(1).type, WeightType::kF32);
  EXPECT_EQ(weights->ToFloat(0), expected);
  EXPECT_EQ(weights->ToFloat(1), expected);
}

TEST(Weights, MakeWritableTakesAnOwnCopy) {
  const TemporaryFolder folder;
  const auto model = testing::MakeTinyModel(2);
  ASSERT_TRUE(model.has_value());
  ASSERT_TRUE(SaveModel(*model, WeightFormat::kInt8, folder / "m.safetensors").has_value());
  auto loaded = LoadModel(folder / "m.safetensors");
  ASSERT_TRUE(loaded.has_value());
  const ParameterTable& table = loaded->encoder.parameters();
  const auto before = testing::AllWeights(*loaded);
  const int64_t stored = loaded->weights.StoredBytes();
  for (ParameterId id = 0; id < table.size(); ++id) {
    EXPECT_FALSE(loaded->weights.IsWritable(id)) << table[id].name;
    loaded->weights.MakeWritable(id);
    loaded->weights.MakeWritable(id);
    EXPECT_TRUE(loaded->weights.IsWritable(id));
    EXPECT_EQ(loaded->weights.views().Matrix(id).type, WeightType::kF32);
  }
  EXPECT_EQ(testing::AllWeights(*loaded), before);
  EXPECT_GT(loaded->weights.StoredBytes(), stored);
  loaded->weights.Writable(0)[0] = 42.0f;
  EXPECT_EQ(loaded->weights.ToFloat(0)[0], 42.0f);
  EXPECT_EQ(loaded->weights.views().Vector(0)[0], 42.0f);
}

}  // namespace
}  // namespace masr

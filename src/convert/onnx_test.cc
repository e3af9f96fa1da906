// What is written is run by ONNX Runtime in tests/onnx; here is what is refused.
#include "convert/onnx.h"

#include <gtest/gtest.h>

#include "io/file.h"
#include "model/model.h"

namespace masr {
namespace {

Result<Model> ModelWith(const std::string& features) {
  auto config = ModelConfig::FromJson(R"({"name": "m", "features": {)" + features +
                                          R"(}, "characters": ["a"], "encoder": [
                                          {"layer": "linear", "dim": 4}]})",
                                      "test");
  if (!config.has_value()) return tl::unexpected(config.error());
  return Model::Create(*config, 1);
}

TEST(ExportOnnx, RefusesFeaturesThatDependOnThePast) {
  const auto model = ModelWith(R"("normalization": "running")");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const std::string path = ::testing::TempDir() + "refused.onnx";
  const Status status = ExportOnnx(*model, path);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(status.error().message.find("heard before"), std::string::npos);
  EXPECT_FALSE(FileExists(path));
}

TEST(ExportOnnx, SaysWhereItCouldNotWrite) {
  const auto model = ModelWith("");
  ASSERT_TRUE(model.has_value());
  const Status status = ExportOnnx(*model, "/nowhere/at/all.onnx");
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("/nowhere/at"), std::string::npos);
}

}  // namespace
}  // namespace masr

// How logits become text: the options that transcribe and evaluate share.
#ifndef MOBILEASR_APPS_CLI_DECODING_H_
#define MOBILEASR_APPS_CLI_DECODING_H_

#include <CLI/CLI.hpp>
#include <string>

#include "base/result.h"
#include "model/model.h"
#include "recognize/decoding.h"

namespace masr::cli {

struct DecodingFlags {
  DecodingOptions options;
  std::string hotwords;  // a file
};

void AddDecodingOptions(CLI::App& app, DecodingFlags& flags);
Result<Decoding> MakeDecoding(const DecodingFlags& flags, const Model& model);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_DECODING_H_

// A device and a table made up for tests: every number can be followed by hand.
#ifndef MOBILEASR_PLAN_TESTING_PLAN_FIXTURES_H_
#define MOBILEASR_PLAN_TESTING_PLAN_FIXTURES_H_

#include <gtest/gtest.h>

#include <utility>

#include "model/testing/tiny_model.h"
#include "plan/device_profile.h"
#include "plan/gain_table.h"
#include "plan/round_memory.h"

namespace masr::testing {

// A subsampling, two Conformer blocks with batch norm, a head: blocks 0 to 3.
inline Model Tiny() {
  auto model = MakeTinyModel(1);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return std::move(*model);
}

// Of the tiny model: block b computes a second of speech in (b + 1) ms forward as it is stored, 10
// times that in f32, 100 times that backward, half of which for vectors; a pass takes nothing.
inline DeviceProfile TinyDevice(const Model& model) {
  DeviceProfile profile = {.name = "made up", .encoder = model.config.encoder_json};
  for (size_t b = 0; b < model.encoder.blocks().size(); ++b) {
    const double ms = 1e-3 * static_cast<double>(b + 1);
    profile.blocks.push_back({.frozen_forward = {0, ms},
                              .forward = {0, 10 * ms},
                              .backward = {0, 100 * ms},
                              .vector_backward = {0, 50 * ms}});
  }
  profile.training_power_w = 2;
  profile.battery_wh = 10;
  return profile;
}

// Of two minutes: 100 s are learned from, in 20 utterances and 10 updates.
inline RoundSpeech TinySpeech() {
  return {.longest_s = 5,
          .update_s = 10,
          .validation_s = 10,
          .updates_at_once = {{{5, 4}, {5, 4}}},
          .validated_at_once = {{{5, 4}, {5, 4}}},
          .training_s = 100,
          .held_out_s = 20,
          .utterances = 20,
          .updates = 10};
}

// More is better: more blocks, all of their numbers, more speech.
inline GainTable RisingGains() {
  return {.measured_on = "made up",
          .minutes = {1, 4},
          .tunings = {{"full", {0.25, 1}, {{0.1, 0.2}, {0.3, 0.5}}},
                      {"adapters-16", {0.25, 1}, {{0.1, 0.2}, {0.22, 0.35}}},
                      {"vectors", {0.25, 1}, {{0.1, 0.2}, {0.2, 0.3}}},
                      {"lora-8", {0.25, 1}, {{0.1, 0.2}, {0.25, 0.4}}}}};
}

}  // namespace masr::testing

#endif  // MOBILEASR_PLAN_TESTING_PLAN_FIXTURES_H_

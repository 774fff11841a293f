// A fuzz target: a function that takes any bytes and must neither crash, nor leak, nor take memory
// out of proportion to them.
//
// Each file of this folder named *_target.cc defines one, REMAPD_FUZZ_TARGET(name). With clang
// (preset fuzz) it becomes the libFuzzer binary fuzz_<name>; in every build fuzz_replay_test runs
// it over the corpus in corpus/<name>/ and over mutations of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/base/bytes.h"

namespace remapd::fuzz {

using Target = void (*)(ByteView input);

inline std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

struct Registration {
  Registration(const char* name, Target target) { targets().emplace(name, target); }
};

}  // namespace remapd::fuzz

#define REMAPD_FUZZ_TARGET(name)                                                             \
  static void remapd_fuzz_##name(::remapd::ByteView input);                                  \
  static const ::remapd::fuzz::Registration registration_##name(#name, &remapd_fuzz_##name); \
  static void remapd_fuzz_##name(::remapd::ByteView input)

// Golden files: bytes that a released version wrote, which this one must write and read the same.
//
// A test compares what it encodes with tests/golden/<name>. Run with REMAPD_WRITE_GOLDEN=1 to write
// the files instead, once, when a format gets a new version.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "core/base/bytes.h"

namespace remapd::support {

inline Bytes golden(const std::string& name, ByteView encoded) {
  const std::string path = std::string(REMAPD_SOURCE_DIR) + "/tests/golden/" + name;
  if (std::getenv("REMAPD_WRITE_GOLDEN") != nullptr) {
    std::ofstream out(path, std::ios::binary);
    out << as_text(encoded);
  }
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace remapd::support

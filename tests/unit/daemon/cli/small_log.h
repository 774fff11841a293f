// A log small enough to see through: user 1 and item 1 are frequent, and user u meets item u.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace remapd::cli {

inline constexpr int kUsers = 40;

// Columns timestamp, label, user, item; 40 users, 40 items, 480 samples.
inline std::string small_log_text() {
  std::string text = "timestamp\tlabel\tuser\titem\n";
  for (int round = 0; round < 10; ++round) {
    for (int user = 1; user <= kUsers; ++user) {
      text += "1000\t" + std::to_string(user % 2) + "\t" + std::to_string(user) + "\t" +
              std::to_string(user) + "\n";
    }
    for (int i = 0; i < 8; ++i) text += "1000\t1\t1\t1\n";
  }
  return text;
}

inline std::string write_small_log(const test_support::TempDir& dir) {
  const auto path = dir / "events.tsv";
  test_support::write_file(path, small_log_text());
  return path.string();
}

}  // namespace remapd::cli

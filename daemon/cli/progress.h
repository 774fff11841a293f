// A line on the terminal that says how far long work has come, rewritten in place at most ten times
// a second. Nothing is written where standard error is not a terminal.
//
//   reading events.tsv.gz  [############            ]  50 %  1,234,567 samples
//
// Not thread safe. The line is removed when the Progress is destroyed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/cli/console.h"

namespace remapd::cli {

// Without the line's control characters; `done` is the share of the work in [0, 1], negative where
// it is not known.
std::string progress_line(std::string_view what, double done, std::string_view detail);

class Progress {
 public:
  Progress(Console& console, std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void rename(std::string what) { what_ = std::move(what); }
  // Whether update() would write now: for details that cost something to make.
  bool due() const;
  void update(double done, std::string_view detail);

 private:
  Console& console_;
  std::string what_;
  std::chrono::steady_clock::time_point next_;
  bool shown_ = false;
};

}  // namespace remapd::cli

// How far a long step has come, on standard error: one line that is rewritten on a terminal, a new
// line at most every few seconds elsewhere.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

namespace remapd::click_trainer {

class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {
    next_ = std::chrono::steady_clock::now() + interval();
  }
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `text()` is called only when a line is due.
  template <class Text>
  void show(Text text) {
    const auto now = std::chrono::steady_clock::now();
    if (quiet_ || now < next_) return;
    next_ = now + interval();
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", text(), terminal_ ? "" : "\n");
    std::fflush(stderr);
    shown_ = terminal_;
  }

  // Leaves the terminal's line empty.
  void clear() {
    if (shown_) fmt::print(stderr, "\r\033[K");
    shown_ = false;
  }

 private:
  std::chrono::milliseconds interval() const {
    return std::chrono::milliseconds(terminal_ ? 250 : 5'000);
  }

  bool quiet_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace remapd::click_trainer

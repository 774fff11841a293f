#include "tests/quality/progress.h"

#include <cstdio>
#include <utility>

#include <unistd.h>

namespace remapd::quality {

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  clear();
}

void Progress::begin(std::string what) {
  what_ = std::move(what);
  next_ = {};
}

void Progress::show(const std::function<std::string()>& detail) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  std::fprintf(stderr, "\r\033[K%s: %s", what_.c_str(), detail().c_str());
  shown_ = true;
}

void Progress::clear() {
  if (!std::exchange(shown_, false)) return;
  std::fputs("\r\033[K", stderr);
}

}  // namespace remapd::quality

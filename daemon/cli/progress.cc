#include "daemon/cli/progress.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <fmt/format.h>

namespace remapd::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kInterval{100};
constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr int kBarWidth = 24;

}  // namespace

std::string progress_line(std::string_view what, double done, std::string_view detail) {
  if (done < 0) return fmt::format("{}  {}", what, detail);
  const double share = std::clamp(done, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(share * kBarWidth);
  return fmt::format("{}  [{:<{}}] {:3.0f} %  {}", what, std::string(full, '#'), kBarWidth,
                     share * 100, detail);
}

Progress::Progress(Console& console, std::string what)
    : console_(console), what_(std::move(what)), next_(steady_clock::now()) {}

Progress::~Progress() {
  if (shown_) console_.err << kEraseLine << std::flush;
}

bool Progress::due() const {
  return console_.err_is_terminal && steady_clock::now() >= next_;
}

void Progress::update(double done, std::string_view detail) {
  if (!due()) return;
  console_.err << kEraseLine << progress_line(what_, done, detail) << std::flush;
  shown_ = true;
  next_ = steady_clock::now() + kInterval;
}

}  // namespace remapd::cli

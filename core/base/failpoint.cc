#include "core/base/failpoint.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace remapd {
namespace internal {

std::atomic<bool> failpoints_armed = false;

}  // namespace internal

namespace {

struct Failpoint {
  std::string name;
  std::uint64_t hit = 1;  // acts at this one
  int signal = 0;         // 0: an error
  int error = 0;
  std::uint64_t hits = 0;
};

std::mutex mutex;
std::vector<Failpoint>& armed() {
  static std::vector<Failpoint> failpoints;
  return failpoints;
}

Result<Failpoint> parse(std::string_view text, std::span<const std::string_view> known_names) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::kConfig, "REMAPD_FAILPOINTS: \"" + std::string(text) + "\": " + why);
  };
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return refuse("must be NAME[:HIT]=ACTION");
  Failpoint out;
  std::string_view name = text.substr(0, equals);
  if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
    const std::string_view digits = name.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.hit);
    if (error != std::errc() || end != digits.data() + digits.size() || out.hit == 0) {
      return refuse("the hit must be a number from 1 on");
    }
    name = name.substr(0, colon);
  }
  if (std::find(known_names.begin(), known_names.end(), name) == known_names.end()) {
    std::string known;
    for (const std::string_view one : known_names) known += " " + std::string(one);
    return refuse("there is no such failpoint; there are:" + known);
  }
  out.name = name;
  const std::string_view action = text.substr(equals + 1);
  if (action == "kill") {
    out.signal = SIGKILL;
  } else if (action == "stop") {
    out.signal = SIGSTOP;
  } else if (action == "ENOSPC") {
    out.error = ENOSPC;
  } else if (action == "EIO") {
    out.error = EIO;
  } else {
    return refuse("the action must be kill, stop, ENOSPC or EIO");
  }
  return out;
}

}  // namespace

Result<void> arm_failpoints(std::string_view text, std::span<const std::string_view> known) {
  std::vector<Failpoint> parsed;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    auto one = parse(text.substr(0, comma), known);
    if (!one) return fail(std::move(one).error());
    parsed.push_back(std::move(*one));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  const std::lock_guard lock(mutex);
  armed() = std::move(parsed);
  internal::failpoints_armed = !armed().empty();
  return {};
}

int internal::hit_failpoint(std::string_view name) {
  int signal = 0;
  int error = 0;
  {
    const std::lock_guard lock(mutex);
    for (Failpoint& point : armed()) {
      if (point.name != name) continue;
      ++point.hits;
      if (point.hits == point.hit) signal = point.signal;
      if (point.hits >= point.hit && point.error != 0) error = point.error;
    }
  }
  if (signal != 0) static_cast<void>(std::raise(signal));
  return error;
}

}  // namespace remapd

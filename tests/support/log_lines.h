// A logger whose lines a test can look at.
#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <spdlog/sinks/ostream_sink.h>

#include "daemon/logging/logger.h"

namespace remapd::test_support {

class LogLines {
 public:
  explicit LogLines(logging::Options options = {.level = config::LogLevel::kDebug})
      : sink_(std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_)), log_(options, sink_) {}

  logging::Logger& log() { return log_; }

  // Only while nobody logs.
  std::string text() const { return stream_.str(); }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::istringstream in(stream_.str());
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

 private:
  std::ostringstream stream_;
  std::shared_ptr<spdlog::sinks::sink> sink_;
  logging::Logger log_;
};

}  // namespace remapd::test_support

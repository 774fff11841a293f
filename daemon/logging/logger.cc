#include "daemon/logging/logger.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace remapd::logging {
namespace {

using config::LogFormat;
using config::LogLevel;

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

// The priority of sd-daemon(3): "<3>" error ... "<7>" debug.
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    std::string_view priority = "<6>";
    if (message.level == spdlog::level::debug) priority = "<7>";
    if (message.level == spdlog::level::warn) priority = "<4>";
    if (message.level == spdlog::level::err) priority = "<3>";
    out.append(priority.data(), priority.data() + priority.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(const Options& options) {
  std::string pattern = options.journal_prefix ? "%*" : "";
  if (options.format == LogFormat::kJson) {
    pattern += R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
  } else {
    pattern += options.journal_prefix ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JournalPriority>('*').set_pattern(pattern);
  return formatter;
}

// As a JSON string; what is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// As it stands, or as a JSON string where it would not be one word.
std::string text_value(std::string_view value) {
  if (value.empty()) return "\"\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '=') return json_string(value);
  }
  return std::string(value);
}

// The message itself: people's words, on one line.
std::string text_message(std::string_view message) {
  const std::string escaped = json_string(message);
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      return escaped.substr(1, escaped.size() - 2);
    }
  }
  return std::string(message);
}

std::string json_payload(std::string_view message, Fields fields) {
  std::string out = "\"message\":" + json_string(message);
  for (const Field& field : fields) {
    out += ",\"";
    out += field.name();
    out += "\":";
    out += field.is_text() ? json_string(field.value()) : std::string(field.value());
  }
  return out;
}

std::string text_payload(std::string_view message, Fields fields) {
  std::string out = text_message(message);
  for (const Field& field : fields) {
    out += ' ';
    out += field.name();
    out += '=';
    out += text_value(field.value());
  }
  return out;
}

}  // namespace

Field::Field(std::string_view name, double value) : name_(name) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::general, 6)
                       .ptr;
  value_.assign(buffer.data(), end);
  is_text_ = value_.find_first_of("in") != std::string::npos;  // inf and nan are not JSON
}

bool stderr_is_journal() {
  // systemd.exec(5): device and inode of the stream that leads to the journal.
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

Logger::Logger(const Options& options)
    : Logger(options, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

Logger::Logger(const Options& options, std::shared_ptr<spdlog::sinks::sink> sink)
    : format_(options.format),
      logger_(std::make_shared<spdlog::logger>("remapd", std::move(sink))) {
  logger_->set_formatter(make_formatter(options));
  logger_->flush_on(spdlog::level::debug);
  set_level(options.level);
}

Logger::~Logger() = default;

void Logger::write(LogLevel level, std::string_view message, Fields fields) {
  const spdlog::level::level_enum as_level = to_spdlog(level);
  if (!logger_->should_log(as_level)) return;
  const std::string payload =
      format_ == LogFormat::kJson ? json_payload(message, fields) : text_payload(message, fields);
  logger_->log(as_level, spdlog::string_view_t(payload));
}

void Logger::set_level(LogLevel level) {
  logger_->set_level(to_spdlog(level));
}

LogLevel Logger::level() const {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning}) {
    if (to_spdlog(level) == logger_->level()) return level;
  }
  return LogLevel::kError;
}

}  // namespace remapd::logging

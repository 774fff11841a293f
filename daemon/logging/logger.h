// Log lines with named fields, as text for people or as one JSON object a line.
//
//   log.info("published", {{"table", "item"}, {"version", 12}});
//   text  2026-01-31T12:00:00.123Z info published table=item version=12
//   JSON
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"published","table":"item",...}
//
// Under journald (journal_prefix) a line begins with its priority, "<6>", and text has no time of
// its own. A record is one line whatever its values hold: control characters are escaped, invalid
// UTF-8 is replaced. Times are UTC.
//
// Thread safe; the level may change at any time. Lines below it cost a comparison (but their
// arguments are evaluated).
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/fwd.h>

#include "daemon/config/config.h"

namespace remapd::logging {

// A name (of letters and _) and a value.
class Field {
 public:
  Field(std::string_view name, std::string_view value)
      : name_(name), value_(value), is_text_(true) {}
  Field(std::string_view name, const char* value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, const std::string& value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, bool value) : name_(name), value_(value ? "true" : "false") {}
  template <std::integral T>
  Field(std::string_view name, T value) : name_(name), value_(std::to_string(value)) {}
  Field(std::string_view name, double value);  // six significant digits

  std::string_view name() const { return name_; }
  std::string_view value() const { return value_; }
  bool is_text() const { return is_text_; }  // else a number or a boolean

 private:
  std::string_view name_;
  std::string value_;
  bool is_text_ = false;
};

using Fields = std::initializer_list<Field>;

struct Options {
  config::LogLevel level = config::LogLevel::kInfo;
  config::LogFormat format = config::LogFormat::kText;
  bool journal_prefix = false;
};

// Whether standard error is a journal's, which takes priorities from the beginning of lines.
bool stderr_is_journal();

class Logger {
 public:
  // To standard error.
  explicit Logger(const Options& options);
  // To any spdlog sink.
  Logger(const Options& options, std::shared_ptr<spdlog::sinks::sink> sink);
  ~Logger();

  void debug(std::string_view message, Fields fields = {}) {
    write(config::LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) {
    write(config::LogLevel::kInfo, message, fields);
  }
  void warning(std::string_view message, Fields fields = {}) {
    write(config::LogLevel::kWarning, message, fields);
  }
  void error(std::string_view message, Fields fields = {}) {
    write(config::LogLevel::kError, message, fields);
  }
  void write(config::LogLevel level, std::string_view message, Fields fields);

  void set_level(config::LogLevel level);
  config::LogLevel level() const;

 private:
  config::LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace remapd::logging

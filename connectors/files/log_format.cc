#include "connectors/files/log_format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include <fmt/format.h>

#include "connectors/files/input_stream.h"

namespace remapd::files {
namespace {

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

// Of an inflated beginning: an object begins a line of JSON, a header line names columns in text.
// An AccessBatch begins with its length, and what follows is not text.
std::optional<LogFormat> format_of_content(std::string_view head) {
  if (head.empty()) return std::nullopt;
  if (head.front() == '{') return LogFormat::kNdjson;
  const std::string_view line = head.substr(0, head.find('\n'));
  const bool text = std::all_of(line.begin(), line.end(), [](unsigned char c) {
    return c >= 0x20 || c == '\t' || c == '\r';
  });
  if (text && line.find('\t') != std::string_view::npos) return LogFormat::kTsv;
  if (text && line.find(',') != std::string_view::npos) return LogFormat::kCsv;
  constexpr char kKeysField = 0x0a;  // field 1, length-delimited: the first key
  const std::size_t body =
      1 + static_cast<std::size_t>(
              std::find_if(head.begin(), head.end(), [](char c) { return (c & 0x80) == 0; }) -
              head.begin());
  if (!text && body < head.size() && body <= 5 && head[body] == kKeysField) {
    return LogFormat::kProtobuf;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(LogFormat format) {
  switch (format) {
    case LogFormat::kTsv:
      return "tsv";
    case LogFormat::kCsv:
      return "csv";
    case LogFormat::kNdjson:
      return "ndjson";
    case LogFormat::kProtobuf:
      return "protobuf";
  }
  return "unknown";
}

std::optional<LogFormat> parse_log_format(std::string_view name) {
  for (const LogFormat format :
       {LogFormat::kTsv, LogFormat::kCsv, LogFormat::kNdjson, LogFormat::kProtobuf}) {
    if (name == to_string(format)) return format;
  }
  return std::nullopt;
}

std::optional<LogFormat> format_of_name(const std::filesystem::path& path) {
  std::string extension = lower_extension(path);
  if (extension == ".gz" || extension == ".zst") extension = lower_extension(path.stem());
  if (extension == ".tsv" || extension == ".tab" || extension == ".txt") return LogFormat::kTsv;
  if (extension == ".csv") return LogFormat::kCsv;
  if (extension == ".ndjson" || extension == ".jsonl" || extension == ".json") {
    return LogFormat::kNdjson;
  }
  if (extension == ".binpb" || extension == ".pb") return LogFormat::kProtobuf;
  return std::nullopt;
}

Result<LogFormat> detect_format(const std::filesystem::path& path) {
  if (const auto by_name = format_of_name(path)) return *by_name;
  auto stream = InputStream::open(path);
  if (!stream) return fail(stream.error());
  std::array<char, 4096> head{};
  const auto n = (*stream)->read(head);
  if (!n) return fail(n.error());
  if (const auto by_content = format_of_content({head.data(), *n})) return *by_content;
  return fail(ErrorCode::kConfig,
              fmt::format("{}: cannot tell the format of this log, neither from its name nor from "
                          "its first bytes; name it .tsv, .csv, .ndjson or .binpb (.gz or .zst may "
                          "follow), or set its format to tsv, csv, ndjson or protobuf",
                          path.string()));
}

}  // namespace remapd::files

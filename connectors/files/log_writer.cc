#include "connectors/files/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include "connectors/files/durable_file.h"
#include "connectors/proto/access_batch_codec.h"
#include "core/base/check.h"

namespace remapd::files {

using pipeline::EventBatch;

// zlib's gzFile writes plain files too ("T"), so there is one way for both.
struct LogFileWriter::Output {
  FileDescriptor fd;
  gzFile stream = nullptr;
  std::filesystem::path path;

  ~Output() {
    if (stream != nullptr) gzclose_w(stream);
  }

  Error error() const {
    int status = Z_OK;
    const char* message = gzerror(stream, &status);
    if (status == Z_ERRNO) return system_error(path, "write", errno);
    return {ErrorCode::kResource, fmt::format("{}: cannot write: {}", path.string(), message)};
  }

  Result<void> write(std::string_view text) {
    while (!text.empty()) {
      constexpr std::size_t kPiece = std::size_t{64} << 20;
      const std::size_t piece = std::min(text.size(), kPiece);
      if (gzwrite(stream, text.data(), static_cast<unsigned>(piece)) <= 0) return fail(error());
      text.remove_prefix(piece);
    }
    return {};
  }

  Result<void> finish() {
    const int status = gzclose_w(std::exchange(stream, nullptr));
    if (status != Z_OK) {
      return fail(system_error(path, "write the end", status == Z_ERRNO ? errno : ENOMEM));
    }
    if (::fsync(fd.get()) != 0) return fail(system_error(path, "sync", errno));
    return {};
  }
};

LogFileWriter::LogFileWriter(LogWriterOptions options, pipeline::FeatureSchema schema,
                             LogFormat format)
    : options_(std::move(options)),
      schema_(std::move(schema)),
      format_(format),
      partial_(options_.path) {
  partial_ += ".partial";
}

LogFileWriter::~LogFileWriter() {
  if (output_) ::unlink(partial_.c_str());
}

Result<std::unique_ptr<LogFileWriter>> LogFileWriter::create(LogWriterOptions options,
                                                             pipeline::FeatureSchema schema) {
  REMAPD_CHECK(options.gzip_level >= 1 && options.gzip_level <= 9, "zlib has nine levels");
  const auto format = options.format ? options.format : format_of_name(options.path);
  if (!format) {
    return fail(ErrorCode::kConfig,
                fmt::format("{}: the name does not tell the format of the log; end it in .tsv, "
                            ".ndjson or .binpb (.gz may follow)",
                            options.path.string()));
  }
  std::unique_ptr<LogFileWriter> writer(
      new LogFileWriter(std::move(options), std::move(schema), *format));
  auto output = std::make_unique<Output>();
  output->path = writer->partial_;
  output->fd =
      FileDescriptor(::open(output->path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!output->fd) return fail(system_error(output->path, "create", errno));
  const bool compress = writer->options_.path.extension() == ".gz";
  const std::string mode =
      compress ? fmt::format("wb{}", writer->options_.gzip_level) : std::string("wbT");
  // zlib closes its descriptor; ours stays, to sync the file after that.
  const int copy = ::fcntl(output->fd.get(), F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) output->stream = gzdopen(copy, mode.c_str());
  if (output->stream == nullptr) {
    const int error_number = copy < 0 ? errno : ENOMEM;
    if (copy >= 0) ::close(copy);
    ::unlink(output->path.c_str());
    return fail(system_error(output->path, "write", error_number));
  }
  gzbuffer(output->stream, 256 * 1024);
  writer->output_ = std::move(output);
  if (*format == LogFormat::kTsv) {
    std::string header = "timestamp\tlabel";
    for (const pipeline::Feature& feature : writer->schema_.features()) {
      if (feature.name.find_first_of("\t\r\n") != std::string::npos) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("feature \"{}\" cannot name a column: it has a tab or a line end",
                                feature.name));
      }
      header += "\t" + feature.name;
    }
    if (auto written = writer->output_->write(header + "\n"); !written) {
      return fail(written.error());
    }
  }
  return writer;
}

Result<void> LogFileWriter::write(const EventBatch& batch) {
  REMAPD_CHECK(output_ != nullptr, "nothing is written to a closed log");
  REMAPD_CHECK(batch.features() == schema_.size(), "batches are of the writer's schema");
  text_.clear();
  switch (format_) {
    case LogFormat::kCsv:
      return fail(ErrorCode::kUnsupported, "logs are not written as csv; write tsv");
    case LogFormat::kTsv:
      if (auto formatted = format_tsv(batch); !formatted) return formatted;
      break;
    case LogFormat::kNdjson:
      text_ = proto::encode_ndjson(batch, schema_);
      break;
    case LogFormat::kProtobuf:
      format_protobuf(batch);
      break;
  }
  if (auto written = output_->write(text_); !written) return written;
  samples_ += batch.samples();
  return {};
}

Result<void> LogFileWriter::format_tsv(const EventBatch& batch) {
  const std::string time = batch.event_time_ms != 0 ? fmt::format("{}", batch.event_time_ms) : "";
  std::vector<std::size_t> at(schema_.size(), 0);
  auto out = std::back_inserter(text_);
  for (std::size_t s = 0; s < batch.samples(); ++s) {
    text_ += time;
    text_ += '\t';
    if (!batch.labels().empty() && !std::isnan(batch.labels()[s])) {
      fmt::format_to(out, "{}", batch.labels()[s]);
    }
    for (std::uint32_t f = 0; f < schema_.size(); ++f) {
      const std::uint32_t count = batch.lengths(FeatureIndex{f})[s];
      if (count > 1 && !options_.multi_value_separator) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("{}: a sample has {} ids of feature {}; tab-separated values hold "
                        "one unless a separator is set, NDJSON and protobuf hold any number",
                        options_.path.string(), count, schema_.feature(FeatureIndex{f}).name));
      }
      text_ += '\t';
      for (std::uint32_t i = 0; i < count; ++i) {
        if (i > 0) text_ += *options_.multi_value_separator;
        fmt::format_to(out, "{}", batch.values(FeatureIndex{f})[at[f]++]);
      }
    }
    text_ += '\n';
  }
  return {};
}

void LogFileWriter::format_protobuf(const EventBatch& batch) {
  const std::string message = proto::encode_protobuf(batch, schema_, options_.producer);
  std::uint64_t length = message.size();
  while (length >= 0x80) {
    text_ += static_cast<char>((length & 0x7f) | 0x80);
    length >>= 7;
  }
  text_ += static_cast<char>(length);
  text_ += message;
}

Result<void> LogFileWriter::close() {
  REMAPD_CHECK(output_ != nullptr, "a log is closed once");
  const std::unique_ptr<Output> output = std::move(output_);
  auto finished = output->finish();
  if (finished && ::rename(partial_.c_str(), options_.path.c_str()) != 0) {
    finished = fail(system_error(options_.path, "name the log", errno));
  }
  if (!finished) {
    ::unlink(partial_.c_str());
    return finished;
  }
  return sync_directory(options_.path.parent_path());
}

}  // namespace remapd::files

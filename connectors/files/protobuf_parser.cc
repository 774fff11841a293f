#include <utility>

#include <fmt/format.h>

#include "connectors/files/frame_reader.h"
#include "connectors/files/log_parser.h"
#include "connectors/proto/access_batch_codec.h"

namespace remapd::files {
namespace {

class ProtobufParser final : public LogParser {
 public:
  ProtobufParser(FrameReader frames, const pipeline::FeatureSchema& schema,
                 const LogParserOptions& options)
      : frames_(std::move(frames)), decoder_(schema), features_(schema.size()), options_(options) {}

  std::int64_t position() const override { return static_cast<std::int64_t>(frames_.frames()); }

  Result<bool> skip_to(std::int64_t record) override {
    while (position() < record) {
      ByteView frame;
      const auto outcome = frames_.next(frame);
      if (!outcome) return fail(outcome.error());
      if (*outcome == FrameReader::Outcome::kEnd) return false;
    }
    return true;
  }

  Stretch read(pipeline::EventBatch& into, RecordObserver& observer,
               std::chrono::steady_clock::time_point deadline) override {
    Stretch done;
    do {
      ByteView frame;
      const auto outcome = frames_.next(frame);
      if (!outcome) {
        done.error = outcome.error();
        break;
      }
      if (*outcome == FrameReader::Outcome::kEnd) {
        done.ended = true;
        break;
      }
      observer.on_record(frame.size());
      const std::int64_t index = position() - 1;
      switch (*outcome) {
        case FrameReader::Outcome::kTooLong:
          observer.on_reject(
              frame,
              too_long_reason(frames_.frame_bytes(), options_.max_record_bytes, frame.size()),
              index);
          continue;
        case FrameReader::Outcome::kCutOff:
          observer.on_reject(
              frame, "the file ends inside this message: it was cut off while written", index);
          continue;
        case FrameReader::Outcome::kFrame:
        case FrameReader::Outcome::kEnd:
          break;
      }
      const auto notes = decoder_.decode_protobuf(frame, into);
      if (!notes) {
        observer.on_reject(frame, notes.error().message, index);
        continue;
      }
      observer.on_unknown_features(notes->unknown_features);
      done.samples = into.samples();
      return done;
    } while (std::chrono::steady_clock::now() < deadline);
    into.reset(features_);
    into.seal(0);
    return done;
  }

 private:
  FrameReader frames_;
  proto::AccessBatchDecoder decoder_;
  std::size_t features_;
  LogParserOptions options_;
};

}  // namespace

std::unique_ptr<LogParser> make_protobuf_parser(std::unique_ptr<InputStream> stream,
                                                const pipeline::FeatureSchema& schema,
                                                const LogParserOptions& options) {
  return std::make_unique<ProtobufParser>(FrameReader(std::move(stream), options.max_record_bytes),
                                          schema, options);
}

}  // namespace remapd::files

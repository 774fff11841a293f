// A MappingSink that keeps everything in memory and fails when told to. Thread safe, so that a test
// can look at it while a builder publishes.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/mapping/mapping_sink.h"

namespace remapd::test_support {

class MemorySink final : public mapping::MappingSink {
 public:
  Result<mapping::Tenure> examine(std::string_view table) override {
    const std::lock_guard lock(mutex_);
    if (auto error = next(examine_errors_)) return fail(std::move(*error));
    return tenures_[std::string(table)];
  }
  Result<mapping::Tenure> take_over(std::string_view table, std::string_view) override {
    const std::lock_guard lock(mutex_);
    ++claims_;
    if (auto error = next(take_over_errors_)) return fail(std::move(*error));
    return tenures_[std::string(table)];
  }
  Result<void> publish(const mapping::Publication& publication) override {
    const std::lock_guard lock(mutex_);
    ++attempts_;
    if (auto error = next(publish_errors_)) return fail(std::move(*error));
    published_.push_back(publication);
    return {};
  }
  Result<mapping::BlobPtr> snapshot(std::string_view table, Version version) override {
    return blob(table, version, mapping::BlobKind::kSnapshot);
  }
  Result<mapping::BlobPtr> delta(std::string_view table, Version version) override {
    return blob(table, version, mapping::BlobKind::kDelta);
  }

  // Each makes one later call fail, in order.
  void fail_next_examine(Error error) { push(examine_errors_, std::move(error)); }
  void fail_next_take_over(Error error) { push(take_over_errors_, std::move(error)); }
  void fail_next_publish(Error error) { push(publish_errors_, std::move(error)); }
  void set_tenure(const std::string& table, mapping::Tenure tenure) {
    const std::lock_guard lock(mutex_);
    tenures_[table] = std::move(tenure);
  }

  std::vector<mapping::Publication> published() const {
    const std::lock_guard lock(mutex_);
    return published_;
  }
  // How often a table was claimed, or should have been.
  int claims() const {
    const std::lock_guard lock(mutex_);
    return claims_;
  }
  int attempts() const {
    const std::lock_guard lock(mutex_);
    return attempts_;
  }

 private:
  Result<mapping::BlobPtr> blob(std::string_view table, Version version, mapping::BlobKind kind) {
    const std::lock_guard lock(mutex_);
    for (const mapping::Publication& publication : published_) {
      const mapping::MappingInfo& info = publication.manifest.info;
      const Bytes& bytes = publication.blobs[static_cast<std::size_t>(kind)];
      if (info.table == table && info.version == version && !bytes.empty()) {
        return std::make_shared<mapping::OwnedBlob>(bytes);
      }
    }
    return fail(ErrorCode::kNotFound, "version " + std::to_string(version.value) + " has no " +
                                          std::string(to_string(kind)));
  }
  static std::optional<Error> next(std::deque<Error>& errors) {
    if (errors.empty()) return std::nullopt;
    Error error = std::move(errors.front());
    errors.pop_front();
    return error;
  }
  void push(std::deque<Error>& errors, Error error) {
    const std::lock_guard lock(mutex_);
    errors.push_back(std::move(error));
  }

  mutable std::mutex mutex_;
  std::map<std::string, mapping::Tenure> tenures_;
  std::deque<Error> examine_errors_;
  std::deque<Error> take_over_errors_;
  std::deque<Error> publish_errors_;
  std::vector<mapping::Publication> published_;
  int attempts_ = 0;
  int claims_ = 0;
};

}  // namespace remapd::test_support

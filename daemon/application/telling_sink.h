// TellingSink: a mapping sink that logs another sink's last_problem() when it changes: problems
// that did not prevent a publication.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/mapping/mapping_sink.h"
#include "daemon/logging/logger.h"

namespace remapd::application {

template <class Sink>
class TellingSink final : public mapping::MappingSink {
 public:
  TellingSink(std::unique_ptr<Sink> sink, logging::Logger& log)
      : sink_(std::move(sink)), log_(log) {}

  Result<mapping::Tenure> examine(std::string_view table) override {
    auto result = sink_->examine(table);
    tell();
    return result;
  }
  Result<mapping::Tenure> take_over(std::string_view table, std::string_view instance) override {
    auto result = sink_->take_over(table, instance);
    tell();
    return result;
  }
  Result<void> publish(const mapping::Publication& publication) override {
    auto result = sink_->publish(publication);
    tell();
    return result;
  }
  Result<mapping::BlobPtr> snapshot(std::string_view table, Version version) override {
    return sink_->snapshot(table, version);
  }
  Result<mapping::BlobPtr> delta(std::string_view table, Version version) override {
    return sink_->delta(table, version);
  }

 private:
  void tell() {
    if (sink_->last_problem() == told_) return;
    told_ = sink_->last_problem();
    if (!told_.empty()) log_.warning("published versions", {{"problem", told_}});
  }

  std::unique_ptr<Sink> sink_;
  logging::Logger& log_;
  std::string told_;
};

}  // namespace remapd::application

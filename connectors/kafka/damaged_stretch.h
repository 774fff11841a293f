// DamagedStretch: finds the first readable offset behind a damaged batch of a broker's log.
//
// A fetch from an offset inside the damaged batch fails, one from behind it succeeds, and the
// broker does not tell where the batch ends. So offsets are probed: at doubling distances until one
// can be read, then by bisection; 2 log2(n) probes for a batch of n messages.
//
//   DamagedStretch damage(first);
//   while (!damage.found()) {
//     can_read(damage.probe()) ? damage.probe_succeeded() : damage.probe_failed();
//   }
//   read_on_from(damage.end());
//
// Not thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

namespace remapd::kafka {

// Whether a batch failed its checksum. The second code is what librdkafka takes damaged bytes for
// once it has lost its place in them.
inline bool tells_of_damage(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
}

class DamagedStretch {
 public:
  // `first` cannot be read.
  explicit DamagedStretch(std::int64_t first) : first_(first), damaged_(first) {}

  std::int64_t first() const { return first_; }
  // The offset to try next.
  std::int64_t probe() const {
    return readable_ == kUnknown ? damaged_ + step_ : damaged_ + (readable_ - damaged_) / 2;
  }
  // The outcome of fetching from probe().
  void probe_failed() {
    damaged_ = probe();
    step_ *= 2;
  }
  void probe_succeeded() { readable_ = probe(); }

  // Whether end(), the first offset behind it, is known.
  bool found() const { return readable_ == damaged_ + 1; }
  std::int64_t end() const { return readable_; }

 private:
  static constexpr std::int64_t kUnknown = -1;

  std::int64_t first_;
  std::int64_t damaged_;  // the last offset known to be unreadable
  std::int64_t readable_ = kUnknown;
  std::int64_t step_ = 1;
};

// The message for the log, once found().
std::string damage_found(std::string_view topic, const DamagedStretch& damage);

}  // namespace remapd::kafka

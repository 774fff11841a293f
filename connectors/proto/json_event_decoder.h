// JsonEventDecoder: events in the JSON form that is remapd's own, one object a sample:
//
//   {"t":1690000000123,"label":1,"w":1.0,"f":{"user":[7],"item":["B00X",8],"site":3}}
//
// Only "f" must be there. A feature has an id, a list of ids, or null; ids, labels, weights and
// times follow the rules of core/fields. Other members are ignored; one that comes twice is
// refused.
//
//   1. begin() a batch   2. append() objects, each a sample or a reason   3. finish()
//
// Not thread safe. O(bytes of the object), by simdjson's On-Demand: what is ignored is passed over
// without being parsed, and nothing recurses.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::proto {

class JsonEventDecoder {
 public:
  explicit JsonEventDecoder(const pipeline::FeatureSchema& schema);
  ~JsonEventDecoder();
  JsonEventDecoder(JsonEventDecoder&&) noexcept;
  JsonEventDecoder& operator=(JsonEventDecoder&&) noexcept;

  // Empties `into` for this decoder's schema.
  void begin(pipeline::EventBatch& into);
  // False: the object is refused, the batch is as before and reason() says why.
  bool append(std::string_view object, pipeline::EventBatch& into);
  const std::string& reason() const;
  // Seals the batch; it has labels if a sample has one, and likewise weights.
  void finish(pipeline::EventBatch& into);

  std::size_t samples() const;             // since begin()
  std::uint64_t unknown_features() const;  // of them, columns that the schema does not have

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace remapd::proto

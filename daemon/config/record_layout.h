// [source.decode] and the paths of [[feature]] as the decoders want them.
#pragma once

#include "connectors/decode/event_decoder.h"
#include "daemon/config/config.h"

namespace remapd::config {

// What "auto" stands for. kAuto: whichever the registry says.
RecordFormat record_format(const Config& config);
// Whether a key is set that only an own layout can have.
bool asks_for_layout(const Config& config);

decode::RecordLayout record_layout(const Config& config);
decode::DecodeOptions decode_options(const Config& config);

}  // namespace remapd::config

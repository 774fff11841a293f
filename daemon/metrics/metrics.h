// The daemon's metrics, computed from its Status at every scrape, so that they agree with /status.
// docs/metrics.md lists them; a test compares the two.
//
// Counters begin at 0 with the process unless they say "all time". Pure; safe on any thread.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "daemon/application/status.h"

namespace remapd::metrics {

std::vector<prometheus::MetricFamily> families_of(const application::Status& status);

// Text exposition formats: Prometheus 0.0.4 and OpenMetrics 1.0.0.
enum class TextFormat { kPrometheus, kOpenMetrics };
// By the Accept header of a scrape.
TextFormat negotiate(std::string_view accept);
std::string_view content_type(TextFormat format);
std::string to_text(const std::vector<prometheus::MetricFamily>& families, TextFormat format);

}  // namespace remapd::metrics

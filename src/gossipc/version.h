#pragma once

namespace gossip::client {

constexpr const char* kVersionText = "0.1.0";

}  // namespace gossip::client

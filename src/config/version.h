// The version of both programs: gossipd -V, gossipc --version.
#pragma once

namespace gossip::config {

constexpr const char* kProgramVersion = "0.1.0";

}  // namespace gossip::config

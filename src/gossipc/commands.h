// What every command gets, and the commands: one file each.
#pragma once

#include <string>

#include "config/config.h"
#include "gossipc/options.h"
#include "gossipc/out.h"
#include "gossipc/words.h"

namespace gossip::client {

struct Call {
  Options options;
  config::Config config;
  Out out;
  bool quiet() const { return options.has(kQuiet); }
};

int add_peer(Call& call);
int invite(Call& call);
int join(Call& call);
int set_peer_key(Call& call);
int set_address(Call& call);
int rename(Call& call);
int mute(Call& call);
int unmute(Call& call);  // mute.cc
int mutes(Call& call);   // mute.cc
int show_key(Call& call);
int delete_peer(Call& call);
int delete_message(Call& call);
int peers(Call& call);
int keys(Call& call);
int send(Call& call);
int send_batch(Call& call, const std::string& source);
int view(Call& call);
int watch(Call& call);
int status(Call& call);
int who(Call& call);
int ping(Call& call);
int graph(Call& call);
int sql(Call& call);
int passphrase(Call& call);
int backup(Call& call);
int restore(Call& call);  // backup.cc
int forge_transcript(Call& call);
int fsck(Call& call);
int recover(Call& call);
int completion(Call& call);  // looks at no environment: call.config is not there

}  // namespace gossip::client

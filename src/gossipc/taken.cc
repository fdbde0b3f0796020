#include "gossipc/taken.h"

#include "crypto/keys.h"
#include "gossipc/address.h"

namespace gossip::client {

Result<Taken> take(const Invitation& invitation, int network_bits) {
  std::vector<std::string> typed;
  for (const auto& place : invitation.places) typed.push_back(address_words(db::Address{place.host, place.port}));
  const Result<db::Addresses> addresses = parse_addresses(typed, kDefaultPort);
  if (!addresses) return Refusal{"an address in the invitation will not do: " + addresses.refusal().what, "ask for another one"};
  const Result<crypto::ImportedKey> theirs = crypto::import_modulus(invitation.modulus, network_bits);
  if (!theirs) return Refusal{"the key in the invitation will not do: " + theirs.refusal().what, theirs.refusal().hint};
  Result<crypto::NewKey> one_use = crypto::key_from_primes(invitation.primes);
  if (!one_use) return Refusal{"the invitation will not do: " + one_use.refusal().what, "ask for another one"};
  Taken out;
  out.addresses = *addresses;
  out.joining.theirs = {theirs->spki_der, theirs->fp};
  out.joining.one_use = SecretBytes(std::move(one_use->private_der));
  out.joining.one_use_fp = one_use->fp;
  out.joining.until_ms = invitation.until_ms;
  return out;
}

}  // namespace gossip::client

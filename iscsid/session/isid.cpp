#include "iscsid/session/isid.hpp"

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/hex.hpp"

#include <string>

namespace iscsid::session {

namespace {

// FNV-1a with 64 bits: small, fixed for ever, and good enough to keep sessions apart.
class fnv1a {
  public:
    // The length goes in too, so that no two lists of words run together.
    void add(std::string_view word) {
        for (const char each : word)
            mix(static_cast<unsigned char>(each));
        for (std::size_t rest = word.size(), i = 0; i < sizeof rest; ++i, rest >>= 8U)
            mix(static_cast<unsigned char>(rest & 0xffU));
    }

    std::uint64_t value() const { return hash_; }

  private:
    void mix(unsigned char byte) {
        hash_ ^= byte;
        hash_ *= 0x100000001b3U;
    }

    std::uint64_t hash_ = 0xcbf29ce484222325U;
};

constexpr std::byte format_random{0x80};

} // namespace

iscsi::isid_field make_isid(
    std::string_view initiator,
    const iscsi::admin::node_id& node,
    unsigned index,
    std::string_view seed
) {
    fnv1a hash;
    if (!seed.empty())
        hash.add(seed);
    hash.add(initiator);
    hash.add(node.interface);
    hash.add(node.target);
    hash.add(node.address);
    hash.add(std::to_string(node.port));
    hash.add(std::to_string(index));
    iscsi::isid_field isid{format_random};
    iscsi::store_be<5>(isid.data() + 1, hash.value() ^ (hash.value() >> 40U));
    return isid;
}

std::string to_text(const iscsi::isid_field& isid) {
    return iscsi::hex_of(isid);
}

std::optional<iscsi::isid_field> isid_of(std::string_view text) {
    constexpr int bits_of_a_digit = 4;
    iscsi::isid_field isid{};
    if (text.size() != 2 * isid.size())
        return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto value = digits.find(text[i]);
        if (value == std::string_view::npos)
            return std::nullopt;
        auto& byte = isid[i / 2];
        byte = (byte << bits_of_a_digit) | static_cast<std::byte>(value);
    }
    return isid;
}

} // namespace iscsid::session

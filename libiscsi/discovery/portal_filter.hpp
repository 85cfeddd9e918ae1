#pragma once

#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/record.hpp"
#include "libiscsi/base/result.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What of a portal's answer becomes records: discovery.sendtargets.filter.* of the discovery
// record. All but check_filter_of() is pure.
namespace iscsi::discovery {

enum class filter_errc { bad_word = 1 };

const char* category_name(filter_errc);
std::string_view message_of(filter_errc);

// "192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "[2001:db8::7]:860", "san.example.com:3260", and
// each of them with a "!" before it.
class portal_pattern {
  public:
    // Faults: filter_errc, with the text and what was expected.
    static result<portal_pattern> read(std::string_view text);

    bool matches(const admin::discovered_portal& portal) const;

    // With a "!": what it matches is left out.
    bool excludes() const { return excludes_; }

  private:
    struct ip_address {
        bool is_v6 = false;
        std::array<std::uint8_t, 16> bytes{};
    };

    static std::optional<ip_address> address_of(std::string_view text);

    friend class portal_filter;

    bool excludes_ = false;
    std::string host_;                  // in small letters
    std::optional<ip_address> address_; // none: host_ is a name, compared as it is written
    unsigned prefix_ = 0;               // bits of the address that count
    std::optional<std::uint16_t> port_;
};

// A name instead of an address belongs to both families: what it resolves to may change.
class portal_filter {
  public:
    // Of a discovery record; those of iSNS servers have none. Faults name the key and the word that
    // it does not take.
    static result<portal_filter> read(const admin::record& settings);

    // Is of the family, matches one of the patterns without "!" if there are any, and none of
    // those with it.
    bool admits(const admin::discovered_portal& portal) const;

    // Names of the interface records to bind to; empty: no word about them.
    const std::vector<std::string>& interfaces() const { return interfaces_; }

  private:
    bool is_of_family(const std::string& address) const;

    std::string family_ = "any";
    std::vector<portal_pattern> patterns_;
    bool wants_some_ = false; // there is a pattern without "!"
    std::vector<std::string> interfaces_;
};

// Whether new records get a filter from this iscsid.conf that can be read. Faults: filter_errc,
// with file and line.
result<void> check_filter_of(const std::filesystem::path& config_file);

} // namespace iscsi::discovery

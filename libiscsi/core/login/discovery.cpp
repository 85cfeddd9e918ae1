#include "libiscsi/core/login/discovery.hpp"

#include "libiscsi/names/characters.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace iscsi {
namespace {

// Each is a line for somebody to read; a hostile target shall not fill the memory with them.
constexpr std::size_t most_refused = 1000;

bool contains(std::string_view text, std::string_view word) {
    const auto same = [](char a, char b) { return lower(a) == b; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

// Of an entry that cannot be read.
bool was_a_name(std::string_view raw) {
    constexpr std::array<std::string_view, 4> signs{"targetname", "iqn.", "eui.", "naa."};
    return std::ranges::any_of(signs, [raw](auto sign) { return contains(raw, sign); });
}

bool was_an_address(std::string_view raw) {
    return contains(raw, "targetaddress");
}

// take() or refuse() for each entry in the order of the text, then finish() once. A name begins a
// target; the addresses behind it are its own.
class send_targets_reader {
  public:
    void take(const text_pair& pair) {
        if (pair.key == "TargetName")
            begin_target(pair.value);
        else if (pair.key == "TargetAddress")
            add_address(pair.value);
    }

    void refuse(fault why, std::string_view raw) {
        if (place_ == place::in_target && was_an_address(raw))
            lose_address(std::move(why));
        else
            add_refused(std::move(why));
        if (was_a_name(raw))
            place_ = place::in_refused_target;
    }

    // A target whose addresses were all refused is gone: without any address it would be taken
    // to live at the portal of the discovery session.
    discovery_answer finish() {
        discovery_answer answer;
        answer.refused = std::move(refused_);
        answer.more_refused = more_refused_;
        for (auto& target : targets_)
            if (!target.portals.empty() || !target.lost_address)
                answer.targets.push_back({std::move(target.name), std::move(target.portals)});
        return answer;
    }

  private:
    enum class place : std::uint8_t { before_first, in_target, in_refused_target };

    struct entry {
        std::string name;
        std::vector<portal> portals;
        bool lost_address = false;
    };

    // Some targets repeat TargetName for each of their addresses.
    void begin_target(const std::string& name) {
        if (auto checked = check_iscsi_name(name); checked.has_error()) {
            add_refused(std::move(checked).error());
            place_ = place::in_refused_target;
            return;
        }
        place_ = place::in_target;
        const auto [known, is_new] = index_.try_emplace(name, targets_.size());
        if (is_new)
            targets_.push_back({name, {}, false});
        current_ = known->second;
    }

    void add_address(const std::string& text) {
        if (place_ == place::in_refused_target)
            return;
        if (place_ == place::before_first) {
            add_refused(name_fault(
                name_errc::address_without_target, "TargetAddress", text, "TargetName before it"
            ));
            return;
        }
        auto address = parse_target_address(text);
        if (address.has_value()) {
            targets_[current_].portals.push_back(std::move(*address));
            return;
        }
        lose_address(std::move(address).error());
    }

    void lose_address(fault why) {
        targets_[current_].lost_address = true;
        why.field.append(" of ").append(targets_[current_].name);
        add_refused(std::move(why));
    }

    void add_refused(fault why) {
        if (refused_.size() < most_refused)
            refused_.push_back(std::move(why));
        else
            ++more_refused_;
    }

    std::vector<entry> targets_;
    std::unordered_map<std::string, std::size_t> index_;
    std::vector<fault> refused_;
    std::size_t more_refused_ = 0;
    place place_ = place::before_first;
    std::size_t current_ = 0;
};

} // namespace

discovery_answer read_send_targets(bytes_view text) {
    send_targets_reader reader;
    text_reader entries(text);
    while (auto entry = entries.next()) {
        if (entry->has_value())
            reader.take(**entry);
        else
            reader.refuse(std::move(*entry).error(), entries.raw());
    }
    return reader.finish();
}

} // namespace iscsi

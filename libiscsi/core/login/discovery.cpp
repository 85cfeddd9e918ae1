#include "libiscsi/core/login/discovery.hpp"

#include "libiscsi/names/iscsi_name.hpp"

#include <unordered_map>
#include <utility>

namespace iscsi {
namespace {

// take() for each pair in the order of the text, then finish() once. A name begins a target; the
// addresses behind it are its own.
class send_targets_reader {
  public:
    void take(const text_pair& pair) {
        if (pair.key == "TargetName")
            begin_target(pair.value);
        else if (pair.key == "TargetAddress")
            add_address(pair.value);
    }

    // A target whose addresses were all refused is gone: without any address it would be taken
    // to live at the portal of the discovery session.
    discovery_answer finish() {
        discovery_answer answer;
        answer.refused = std::move(refused_);
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
            refused_.push_back(std::move(checked).error());
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
            refused_.push_back(name_fault(
                name_errc::address_without_target, "TargetAddress", text, "TargetName before it"
            ));
            return;
        }
        auto address = parse_target_address(text);
        if (address.has_value()) {
            targets_[current_].portals.push_back(std::move(*address));
            return;
        }
        targets_[current_].lost_address = true;
        refused_.push_back(std::move(address).error());
        refused_.back().field.append(" of ").append(targets_[current_].name);
    }

    std::vector<entry> targets_;
    std::unordered_map<std::string, std::size_t> index_;
    std::vector<fault> refused_;
    place place_ = place::before_first;
    std::size_t current_ = 0;
};

} // namespace

discovery_answer read_send_targets(const text_pairs& pairs) {
    send_targets_reader reader;
    for (const auto& pair : pairs)
        reader.take(pair);
    return reader.finish();
}

} // namespace iscsi

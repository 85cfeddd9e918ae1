#pragma once

#include "tests/support/memory_target.hpp"
#include "tests/support/target_link.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <random>

namespace iscsi::test {

// What is wrong with a logical unit for a while.
enum class trouble : std::uint8_t {
    none,
    hangs,          // commands are not answered; resets are
    dead,           // nor is any task management
    refuses,        // aborts are not answered, resets are
    slow,           // one command a second
    unit_attention, // every command ends in CHECK CONDITION
    resets,         // again and again, and forgets what it had taken
    changes,        // identity, capacity, mode pages, the list of units
    gone,           // 25/00, or deleted and added again
};
constexpr std::uint8_t troubles = 9;

constexpr const char* name_of(trouble what) {
    constexpr std::array<const char*, troubles> names{
        "none", "hangs", "dead", "refuses", "slow", "unit attention", "resets", "changes", "gone"};
    return names.at(static_cast<std::size_t>(what));
}

// A unit of a memory_target to which one trouble after another comes, by chance. Calls: treatment()
// for each PDU and answer() for each command that arrives, pass() after each piece of time; heal()
// in the end.
class troubled_unit {
  public:
    troubled_unit(memory_target& target, std::uint16_t lun, std::mt19937& random)
        : target_(target), lun_(lun), random_(random) {}

    trouble now() const { return now_; }

    // How the link must treat what arrives.
    target_link::treatment treatment(const raw_pdu& pdu, instant when) const;

    std::optional<scsi_answer> answer(std::uint16_t lun) const;

    void pass(instant now, target_link* link);

    // Nothing is wrong with it any more.
    void heal();

  private:
    std::uint32_t number(std::uint32_t low, std::uint32_t high) {
        return std::uniform_int_distribution<std::uint32_t>(low, high)(random_);
    }

    void begin_next(instant now);
    void happen(instant now);
    void reset(instant now);
    void change_something();
    void come_or_go();
    void come_back();

    memory_target& target_;
    std::uint16_t lun_;
    std::mt19937& random_;
    trouble now_ = trouble::none;
    instant until_{};
    instant next_event_{};  // of a trouble that is made of events
    instant next_answer_{}; // of commands that wait for a slow unit
    instant forgets_until_{};
    unsigned identity_ = 0; // in how many shapes it has been there
};

} // namespace iscsi::test

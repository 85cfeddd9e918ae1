#include "iscsid/device/lun_list.hpp"

#include "iscsid/device/within.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <algorithm>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using iscsi::result;

constexpr std::uint32_t first_list_room = 4096;
// Flat addressing has 16384 LUNs, SAM-5 §4.7.7.3; no target is believed to have more.
constexpr std::uint32_t largest_list_room = 8 + 16384 * 8;
constexpr int list_attempts = 4; // the list may grow while it is asked for
constexpr std::uint64_t guessed_luns = 8;

listed_luns guesses(std::string why) {
    listed_luns guessed;
    for (std::uint64_t number = 0; number < guessed_luns; ++number)
        guessed.luns.push_back(scsi::lun_from_number(number));
    guessed.no_list = std::move(why);
    return guessed;
}

awaitable<result<listed_luns>> ask_for_list(command_runner& runner) {
    scsi::lun_list list;
    std::uint32_t room = first_list_room;
    for (int attempt = 0; attempt < list_attempts; ++attempt) {
        const auto asked = co_await runner.run(scsi::report_luns(room), room);
        if (!asked)
            co_return asked.error();
        if (!asked->good)
            co_return guesses(asked->why);
        auto read = scsi::read_lun_list(asked->data);
        if (!read)
            co_return guesses(read.error().text());
        list = std::move(*read);
        if (list.needed_length <= room || room == largest_list_room)
            break;
        room = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(list.needed_length, largest_list_room)
        );
    }
    std::erase_if(list.luns, [](const auto& lun) { return scsi::decode_lun(lun).well_known; });
    co_return listed_luns{.luns = std::move(list.luns), .no_list = {}};
}

} // namespace

awaitable<result<listed_luns>> list_luns(command_runner& runner, iscsi::duration limit) {
    auto listed = co_await within(limit, runner.clock(), ask_for_list(runner));
    if (listed)
        co_return std::move(*listed);
    auto guessed = guesses(runner.describe_wait(limit));
    guessed.is_silent = true;
    co_return guessed;
}

} // namespace iscsid::device

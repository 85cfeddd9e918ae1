#include "iscsid/disk/unsettled_units.hpp"

#include "iscsid/os/entries.hpp"
#include "iscsid/os/files.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace iscsid::disk {

namespace {

constexpr mode_t folder_mode = 0700;
constexpr int base = 16;
constexpr std::size_t longest_note = 4096;

struct unsettled_unit {
    std::string path; // of its note
    std::string target;
    std::uint64_t lun_number = 0;
    std::string why;
};

std::string hex(std::uint64_t number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
    return {digits.data(), end};
}

std::string text_of(const unsettled_unit& what) {
    return what.target + '\n' + hex(what.lun_number) + '\n' + what.why + '\n';
}

// Takes the first line off.
std::optional<std::string> next_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
        return std::nullopt;
    std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    return line;
}

std::optional<unsettled_unit> read_note(const std::string& path) {
    const auto file = os::read_file(path, longest_note);
    std::string_view text = file.text;
    auto target = next_line(text);
    const auto lun = next_line(text);
    auto why = next_line(text);
    if (file.error != 0 || !why)
        return std::nullopt;
    unsettled_unit what{path, *std::move(target), 0, *std::move(why)};
    const auto* const end = lun->data() + lun->size();
    const auto read = std::from_chars(lun->data(), end, what.lun_number, base);
    return read.ec == std::errc() && read.ptr == end ? std::optional(std::move(what))
                                                     : std::nullopt;
}

} // namespace

struct unsettled_units::known {
    // Behind the order, so its answer shows that of the reset, whatever it says.
    static void order(
        const std::shared_ptr<known>& self,
        lane::lane& where,
        lane::session_key session,
        const unsettled_unit& what
    ) {
        const auto lun = scsi::lun_from_number(what.lun_number);
        where.reset_first(session, lun, what.why);
        iscsi::command question;
        question.lun = lun;
        question.cdb = scsi::test_unit_ready();
        where.execute(session, question, [self, path = what.path](const lane::scsi_outcome& how) {
            if (how.done.outcome == iscsi::task_result::answered)
                self->settle(path);
        });
    }

    // A reset ends the tasks of all sessions (SAM-5 §6.3.3).
    void settle(const std::string& path) {
        forget([&path](const unsettled_unit& each) { return each.path == path; });
    }

    template <class Which>
    void forget(Which which) {
        const std::scoped_lock lock(guard);
        for (const auto& each : all)
            if (which(each))
                ::unlink(each.path.c_str());
        std::erase_if(all, which);
    }

    bool has_session_of(const std::string& target) {
        const std::scoped_lock lock(guard);
        return std::ranges::any_of(sessions, [&target](const auto& each) {
            return each.second == target;
        });
    }

    std::mutex guard;
    std::map<lane::session_key, std::string> sessions; // that are there, and their targets
    std::string folder;
    std::vector<unsettled_unit> all;
};

unsettled_units::unsettled_units(const std::string& runtime_folder)
    : known_(std::make_shared<known>()) {
    known_->folder = runtime_folder + "/unsettled";
    for (const auto& each : os::entries_of(known_->folder)) {
        if (auto what = read_note(each.string()))
            known_->all.push_back(*std::move(what));
        else
            ::unlink(each.c_str());
    }
}

// Where it cannot be noted the next daemon will not know, but these sessions do.
void unsettled_units::add(const std::vector<disk_path>& paths, const std::string& why) {
    const auto& first = paths.front().what;
    const unsettled_unit what{
        known_->folder + '/' + hex(first.nonce), first.target_name, first.lun_number, why};
    ::mkdir(known_->folder.c_str(), folder_mode);
    static_cast<void>(os::replace_file(what.path, text_of(what)));
    {
        const std::scoped_lock lock(known_->guard);
        known_->all.push_back(what);
    }
    for (const auto& each : paths)
        known::order(known_, *each.where, each.what.session, what);
}

void unsettled_units::greet(lane::lane& where, lane::session_key session, std::string_view target) {
    std::unique_lock lock(known_->guard);
    known_->sessions.insert_or_assign(session, std::string(target));
    const auto all = known_->all;
    lock.unlock();
    for (const auto& each : all)
        if (each.target == target)
            known::order(known_, where, session, each);
}

void unsettled_units::part(lane::session_key session, bool is_logged_out) {
    std::unique_lock lock(known_->guard);
    const auto gone = known_->sessions.extract(session);
    lock.unlock();
    if (gone && is_logged_out && !known_->has_session_of(gone.mapped()))
        known_->forget([&gone](const auto& each) { return each.target == gone.mapped(); });
}

} // namespace iscsid::disk

#include "iscsiadm/complete/complete.hpp"

#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/cli/parse.hpp"
#include "iscsiadm/complete/values.hpp"

#include <algorithm>
#include <set>

namespace iscsi::cli {

namespace {

using words = std::vector<std::string>;

const option_row* row_of(char letter) {
    const auto rows = option_rows();
    const auto found = std::ranges::find(rows, letter, &option_row::letter);
    return found == rows.end() ? nullptr : &*found;
}

const option_row* row_of_name(std::string_view name) {
    const auto rows = option_rows();
    const auto found = std::ranges::find(rows, name, &option_row::name);
    return found == rows.end() ? nullptr : &*found;
}

// Whether the argument of an option is being typed, and what of the word stands before it.
struct place {
    const option_row* option = nullptr; // nullptr: an option, or a word of none
    std::string before;                 // "--targetname="
};

// The options of a line, read from left to right as getopt_long reads them.
class line_reader {
  public:
    void read(const std::string& word);

    const typed_options& typed() const { return typed_; }

    place place_of(const std::string& last) const;

  private:
    void read_long(std::string_view word);
    void read_letters(std::string_view letters);
    void take(char letter, std::string_view argument);

    typed_options typed_;
    const option_row* waiting_ = nullptr; // its argument is the next word
};

void line_reader::read(const std::string& word) {
    if (waiting_ != nullptr)
        take(std::exchange(waiting_, nullptr)->letter, word);
    else if (word.starts_with("--"))
        read_long(std::string_view(word).substr(2));
    else if (word.starts_with('-'))
        read_letters(std::string_view(word).substr(1));
}

void line_reader::read_long(std::string_view word) {
    const auto sign = word.find('=');
    const auto* const row = row_of_name(word.substr(0, sign));
    if (row == nullptr || row->argument.empty())
        return;
    if (sign == std::string_view::npos)
        waiting_ = row;
    else
        take(row->letter, word.substr(sign + 1));
}

// "-lT" waits for a target, "-Tiqn…" has one.
void line_reader::read_letters(std::string_view letters) {
    for (std::size_t at = 0; at < letters.size(); ++at) {
        const auto* const row = row_of(letters[at]);
        if (row == nullptr || row->argument.empty())
            continue;
        if (at + 1 == letters.size())
            waiting_ = row;
        else
            take(row->letter, letters.substr(at + 1));
        return;
    }
}

void line_reader::take(char letter, std::string_view argument) {
    const std::string text(argument);
    if (letter == 'm')
        typed_.mode = text;
    else if (letter == 'T')
        typed_.target = text;
    else if (letter == 'I')
        typed_.interface = text;
    else if (letter == 'n')
        typed_.key = text;
    else if (letter == 't')
        typed_.type = text;
}

place line_reader::place_of(const std::string& last) const {
    if (waiting_ != nullptr)
        return {waiting_, ""};
    const auto sign = last.find('=');
    if (!last.starts_with("--") || sign == std::string::npos)
        return {};
    const auto* const row = row_of_name(std::string_view(last).substr(2, sign - 2));
    if (row == nullptr || row->argument.empty())
        return {};
    return {row, last.substr(0, sign + 1)};
}

// Without a mode it is time to name one.
words options_of(const typed_options& typed) {
    words all;
    if (typed.mode.empty())
        all = {"-m", "--mode", "--help", "--version", "--killiscsid"};
    else
        for (const option_row& row : option_rows()) {
            if (!mode_takes(typed.mode, row.letter) || row.letter == 'm')
                continue;
            if (row.has_letter())
                all.push_back(written_form(row.letter));
            all.push_back("--" + std::string(row.name));
        }
    return all;
}

} // namespace

std::vector<std::string>
complete(const std::vector<std::string>& typed_words, const completion_sources& from) {
    line_reader line;
    const std::string last = typed_words.empty() ? "" : typed_words.back();
    for (std::size_t at = 0; at + 1 < typed_words.size(); ++at)
        line.read(typed_words[at]);
    const place here = line.place_of(last);
    const auto all = here.option != nullptr ? values_of(here.option->letter, line.typed(), from)
                                            : options_of(line.typed());
    words chosen;
    std::set<std::string> seen;
    for (const std::string& each : all) {
        std::string whole = here.before + each;
        if (whole.starts_with(last) && seen.insert(whole).second)
            chosen.push_back(std::move(whole));
    }
    return chosen;
}

} // namespace iscsi::cli

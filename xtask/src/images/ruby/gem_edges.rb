# Prints the edges between installed gems, as RubyGems resolves them: "from to", one a line.
Gem::Specification.each do |gem|
  gem.runtime_dependencies.each do |dependency|
    best = dependency.matching_specs.max_by(&:version) or next
    puts "#{gem.name}@#{gem.version} #{best.name}@#{best.version}" unless best.name == gem.name
  end
end
